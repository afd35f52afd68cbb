//! `automoe run` with rows of `[[compare]]`, a ladder of limits, and several seeds.

use super::interrupted::interrupt;
use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const ROWS: &str = "compare=[{kind='moe', experts=2, every=2, qkv_dim=32}, {kind='dense-search', own_supernet=true}, \
                    {kind='random-search', name='random'}]";

/// All that can be compared.
const COMPARED: [&str; 6] = ["run", "--json", "--ladder", "gflops=0.0025", "--set", ROWS];

fn run(program: &Program, command: &[&str]) -> Value {
    serde_json::from_str(&program.output(&arguments(command, &TINY))).unwrap()
}

fn names(results: &Value) -> Vec<&str> {
    results["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

fn row<'a>(results: &'a Value, name: &str) -> &'a Value {
    results["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn every_row_is_trained_tested_and_compared() {
    let program = Program::new();
    let results = run(&program, &COMPARED);
    let expected = [
        "supernet",
        "winner",
        "baseline",
        "moe",
        "dense-search-supernet",
        "dense-search",
        "random",
        "winner@gflops=0.0025",
        "dense-search@gflops=0.0025",
        "random@gflops=0.0025",
    ];
    assert_eq!(names(&results), expected);
    for name in expected {
        let row = row(&results, name);
        let compared = row["compared"].as_array().unwrap();
        let references: Vec<&str> = compared.iter().map(|compared| compared["with"].as_str().unwrap()).collect();
        let search = if name.contains('@') { expected[8] } else { expected[5] };
        let mut wanted = vec!["baseline", search];
        wanted.retain(|reference| *reference != name);
        assert_eq!(references, wanted, "{name}");
        for compared in compared {
            let [least, most] = [0, 1].map(|end| compared["bleu_interval"][end].as_f64().unwrap());
            let other = self::row(&results, compared["with"].as_str().unwrap());
            let difference = row["bleu"].as_f64().unwrap() - other["bleu"].as_f64().unwrap();
            assert!((compared["bleu"].as_f64().unwrap() - difference).abs() < 1e-9 && least <= most, "{compared}");
            let share = row["gflops"].as_f64().unwrap() / other["gflops"].as_f64().unwrap();
            assert_eq!(compared["gflops"].as_f64().unwrap(), share);
        }
        assert!(row["training"]["gflops"].as_f64().unwrap() > 0.0 && row["training"]["hours"].as_f64().unwrap() > 0.0);
        assert!(row["validation_loss"].as_f64().unwrap() > 0.0 && row["validation_bleu"].as_f64().unwrap() >= 0.0);
        let hypotheses = program.folder().join(format!("runs/toy/hypotheses/{name}.txt"));
        assert_eq!(std::fs::read_to_string(hypotheses).unwrap().lines().count(), 20);
    }
    let experts =
        |name: &str, stack: &str| row(&results, name)["architecture"][stack][format!("{stack}_n_experts")].clone();
    for name in ["dense-search", "dense-search@gflops=0.0025"] {
        let counts = [experts(name, "encoder"), experts(name, "decoder")];
        assert!(counts.iter().flat_map(|counts| counts.as_array().unwrap()).all(|count| *count == 1), "{counts:?}");
        assert!(row(&results, name)["gflops"].as_f64().unwrap() <= if name.contains('@') { 0.0025 } else { 0.003 });
    }
    let last = program.folder().join("runs/toy/models/moe/last.json");
    let last: Value = serde_json::from_str(&std::fs::read_to_string(last).unwrap()).unwrap();
    assert_eq!(last["model"]["qkv_dim"], 32);
    let moe = row(&results, "moe");
    assert_eq!(moe["qkv_dim"], 32);
    let cost = ["cost", "--config", "toy", "--arch", "-", "--set", "model.qkv_dim=32"];
    let cost: Value = serde_json::from_str(&program.output_of(&cost, &moe["architecture"].to_string())).unwrap();
    assert_eq!(moe["gflops"], cost["gflops"]);
    let readings = results["readings"].as_array().unwrap().iter();
    let readings: Vec<[&str; 2]> =
        readings.map(|reading| ["quality", "search"].map(|key| reading[key].as_str().unwrap())).collect();
    let searches = ["winner", "dense-search", "random"];
    let both = ["loss", "bleu"].into_iter().flat_map(|quality| searches.map(|search| [quality, search]));
    assert_eq!(readings, both.collect::<Vec<_>>());
    assert_eq!(results["readings"][0]["models"], 2);
    // The second time nothing is done: latencies would be others.
    assert_eq!(run(&program, &COMPARED), results);
    let command: Vec<&str> = COMPARED.iter().copied().filter(|word| *word != "--json").collect();
    let tables = program.output(&arguments(&command, &TINY));
    assert!(tables.contains("Beside baseline and the first dense search under the same limit;"), "{tables}");
    for quality in ["loss", "BLEU"] {
        assert!(tables.contains(&format!("FLOPs at the dense model's validation {quality}, ")), "{tables}");
    }
    let page = std::fs::read_to_string(program.folder().join("runs/toy/report.html")).unwrap();
    for phase in ["dense-search-supernet", "dense-search@gflops=0.0025", "search of dense-search", "search of random"] {
        assert!(page.contains(&format!(">{phase}</td>")), "{phase}");
    }

    // As an earlier version left it: what it did not measure is, and what is read off comes back.
    let path = program.folder().join("runs/toy/results.json");
    let mut earlier = results.clone();
    earlier["rows"].as_array_mut().unwrap().iter_mut().for_each(|row| {
        row.as_object_mut().unwrap().remove("validation_bleu");
    });
    earlier["readings"] = Value::Array(Vec::new());
    std::fs::write(&path, earlier.to_string()).unwrap();
    let again = run(&program, &COMPARED);
    assert_eq!(without_times(again.clone()), without_times(results));
    let results = again;

    // Other attentions: another model, under the same name.
    let wider = ROWS.replace("qkv_dim=32", "qkv_dim=16");
    let mut command = COMPARED;
    command[5] = &wider;
    assert_eq!(row(&run(&program, &command), "moe")["qkv_dim"], 16);
    assert!(program.folder().join("runs/toy/models/moe.1").is_dir());

    // Another row: what is tested stays as it is.
    let more = ROWS
        .replace("every=2", "every=2, name='first'")
        .replace("{kind='random", "{kind='dense', heads=2}, {kind='random");
    let mut command = COMPARED;
    command[5] = &more;
    let further = run(&program, &command);
    for name in expected.iter().filter(|name| **name != "moe") {
        assert_eq!(row(&further, name), row(&results, name));
    }
    assert_eq!(names(&further)[3..5], ["first", "dense"]);

    // A name that another kind of search has taken.
    let taken = ROWS.replace("random-search", "dense-search");
    let message = program.refusal_after_start(&arguments(&["run", "--set", &taken], &TINY));
    assert!(
        message.starts_with(
            "automoe: random: run directory runs/toy/subruns/compare/random: it was begun with other settings"
        ),
        "{message}"
    );

    // The same test on its own, on the lines that were kept.
    std::fs::write(program.folder().join("reference"), "mi lo\n".repeat(20)).unwrap();
    let kept = |name: &str| program.folder().join(format!("runs/toy/hypotheses/{name}.txt")).display().to_string();
    let score = [
        "score",
        "--reference",
        "reference",
        "--metric",
        "chrf",
        "--json",
        "--compare",
        &kept("baseline"),
        &kept("moe"),
    ];
    let scored = program.output_of(&score, &std::fs::read_to_string(kept("winner")).unwrap());
    assert_eq!(serde_json::from_str::<Value>(&scored).unwrap()["compared"].as_array().unwrap().len(), 2);
}

/// Bytes of weights, logs of trials and hypotheses below the run directory, but for what is measured.
fn made(program: &Program) -> BTreeMap<String, Vec<u8>> {
    let is_made = |name: &String| {
        name.ends_with("last.safetensors") || name.contains("hypotheses/") || name.ends_with("winner.json")
    };
    let read = |name: String| (name.clone(), std::fs::read(program.folder().join(Path::new(&name))).unwrap());
    program.files().into_iter().filter(is_made).map(read).collect()
}

/// What changes from one measurement to the next is left out.
fn without_times(mut results: Value) -> Value {
    for row in results["rows"].as_array_mut().unwrap() {
        row["latency"].take();
        row["training"]["hours"].take();
    }
    results
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_goes_on_in_the_middle_of_its_comparisons() {
    let unbroken = Program::new();
    let expected = run(&unbroken, &COMPARED);
    let program = Program::new();
    let command = arguments(&COMPARED, &TINY);
    for begun in [
        "runs/toy/models/moe/metrics.jsonl",
        "runs/toy/subruns/compare/dense-search/supernet/metrics.jsonl",
        "runs/toy/subruns/compare/dense-search/search/trials.jsonl",
        "runs/toy/subruns/limits/gflops=0.0025/random/models/random/metrics.jsonl",
        "runs/toy/hypotheses/baseline.txt",
    ] {
        // Killed, too: nothing is saved then.
        interrupt(&program, &command, "-KILL", begun);
    }
    let before = std::fs::read_to_string(program.folder().join("runs/toy/results.json")).unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    let results = run(&program, &COMPARED);
    assert_eq!(made(&program), made(&unbroken));
    assert_eq!(without_times(results.clone()), without_times(expected));
    let tested = names(&before);
    assert!(tested.len() >= 2, "{tested:?}");
    for name in tested {
        assert_eq!(row(&before, name)["latency"], row(&results, name)["latency"], "{name} was tested twice");
    }
}

#[test]
fn seeds_have_runs_of_their_own_and_a_mean() {
    let program = Program::new();
    let repeated = run(&program, &["run", "--json", "--seeds", "2"]);
    assert_eq!(repeated["seeds"], serde_json::json!([1, 2]));
    let alone = run(&program, &["run", "--json"]);
    assert_eq!(repeated["results"][0], alone);
    let other = run(&program, &["run", "--json", "--set", "seed=2", "--run-dir", "runs/two"]);
    assert_eq!(without_times(repeated["results"][1].clone())["rows"], without_times(other)["rows"]);
    let figures = &repeated["rows"][1]["figures"];
    let [first, second] = [0, 1].map(|seed| row(&repeated["results"][seed], "winner")["bleu"].as_f64().unwrap());
    assert!((figures["bleu"]["mean"].as_f64().unwrap() - (first + second) / 2.0).abs() < 1e-9);
    assert!(figures["bleu"]["deviation"].is_f64() && figures["bleu_over_dense"]["mean"].is_f64());
    let kept = |file: &str| -> Value {
        let text = std::fs::read_to_string(program.folder().join("runs/toy").join(file)).unwrap();
        let mut kept: Value = serde_json::from_str(&text).unwrap();
        kept.as_object_mut().unwrap().remove("checksum").unwrap();
        kept
    };
    assert_eq!(kept("seeds.json"), repeated);
    assert_eq!(kept("run.json")["done"], true);
    let tables = program.output(&arguments(&["run", "--seeds", "2"], &TINY));
    assert!(tables.contains("mean and deviation over seeds 1, 2") && tables.contains(" ± "), "{tables}");
    assert_eq!(program.output(&["table", "run", "--format", "text", "runs/toy"]).replace("toy: ", ""), tables);
    let page = std::fs::read_to_string(program.folder().join("runs/toy/report.html")).unwrap();
    assert!(page.contains("With several seeds") && page.contains("--run-dir runs/again --seeds 2\n"), "{page}");
}

#[test]
fn what_cannot_be_compared_is_told_before_anything_is_trained() {
    let program = Program::new();
    let message = program.refusal_after_start(&arguments(&["run", "--ladder", "gflops=0.0001"], &TINY));
    assert!(message.starts_with("automoe: winner@gflops=0.0001: "), "{message}");
    assert!(!program.files().iter().any(|file| file.starts_with("runs/")), "{:?}", program.files());
    for (options, expected) in [
        (&["--ladder", "gflops"][..], "expected COST=LIMIT,LIMIT"),
        (&["--ladder", "latency_ms=2"], "no cost that is counted is called so"),
        (&["--seeds", "2", "--set", "seed=9223372036854775807"], "--seeds: 2 seeds from"),
        (&["--set", "compare=[{kind='moe'}]"], "compare: row 1, \"moe\": experts: 0 is not between 1 and 1024"),
    ] {
        let output = program.command(&arguments(&arguments(&["run"], &TINY), options)).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && errors.contains(expected), "{errors}");
    }
}
