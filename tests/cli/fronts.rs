//! Searches of several objectives, what is picked of their fronts, races, and searches that begin with what they are given.

use super::program::{Program, TINY, arguments};
use serde_json::Value;

const FRONT: [&str; 4] =
    ["--set", "search.algorithm=nsga2", "--set", r#"search.objectives=["loss", "gflops", "kv_cache_mb"]"#];

fn search<'a>(options: &[&'a str]) -> Vec<&'a str> {
    arguments(&arguments(&["search", "--max-gflops", "0"], &TINY), options)
}

fn values(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_front_is_printed_as_trials_and_one_of_it_is_picked() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let text = program.output(&search(&FRONT));
    let front = values(&text);
    assert!(front.len() > 1, "{text}");
    let figures = |trial: &Value| ["loss", "gflops", "kv_cache_mb"].map(|name| trial[name].as_f64().unwrap());
    for trial in &front {
        let is_better =
            |other: &&Value| figures(other).iter().zip(figures(trial)).all(|(a, b)| *a <= b) && other != &trial;
        assert!(!front.iter().any(|other| is_better(&other)), "{trial}");
    }
    let log = program.folder().join("runs/toy/search/trials.jsonl");
    let trials = values(&std::fs::read_to_string(&log).unwrap());
    for trial in &front {
        let logged = trials.iter().find(|logged| logged["id"] == trial["id"]).unwrap();
        assert_eq!(logged["architecture"], trial["architecture"]);
    }
    let by = |name: &str| {
        let figure = |trial: &&Value| trial[name].as_f64().unwrap();
        front.iter().min_by(|a, b| figure(a).total_cmp(&figure(b))).unwrap()
    };
    let least = by("gflops")["gflops"].to_string();
    for (pick, wanted) in [("knee", &front[0]), ("loss", by("loss")), (&format!("gflops={least}"), by("gflops"))] {
        let picked = values(&program.output(&search(&arguments(&FRONT, &["--pick", pick]))));
        assert_eq!(picked, [wanted["architecture"].clone()], "{pick}");
        let winner = std::fs::read_to_string(program.folder().join("runs/toy/search/winner.json")).unwrap();
        assert_eq!(values(&winner), picked);
    }
    let message = program.refusal_after_start(&search(&arguments(&FRONT, &["--pick", "gflops=0"])));
    assert!(message.contains("--pick: nothing that was found has gflops ≤ 0: the least is "), "{message}");
    let message = program.refusal(&search(&["--set", r#"search.objectives=["loss", "gflops"]"#]), "");
    assert!(message.contains("search.objectives") && message.contains("nsga2"), "{message}");
}

#[test]
fn a_run_trains_several_of_a_front() {
    let program = Program::new();
    let run = |top| arguments(&arguments(&["run", "--json", "--max-gflops", "0", "--top", top], &TINY), &FRONT);
    let names = |text: &str| -> Vec<String> {
        let results: Value = serde_json::from_str(text).unwrap();
        results["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&program.output(&run("1"))), ["supernet", "winner", "baseline"]);
    let text = program.output(&run("2"));
    assert_eq!(names(&text), ["supernet", "winner", "winner-2", "baseline"]);
    let results: Value = serde_json::from_str(&text).unwrap();
    let front = values(&program.output(&search(&FRONT)));
    for (row, trial) in [(1, 0), (2, 1)] {
        assert_eq!(results["rows"][row]["architecture"], front[trial]["architecture"]);
    }
    assert_eq!(program.output(&run("2")), text, "nothing is left to do");
}

#[test]
fn a_search_begins_with_given_architectures_and_goes_on_without_them() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    program.write("given.jsonl", &program.output(&["space", "--sample", "3", "--seed", "5"]));
    let given = values(&std::fs::read_to_string(program.folder().join("given.jsonl")).unwrap());
    let warm = search(&["--warm-start", "given.jsonl"]);
    let winner = program.output(&warm);
    let log = program.folder().join("runs/toy/search/trials.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    for (trial, given) in values(&text).iter().zip(&given) {
        assert_eq!(trial["architecture"], *given);
    }
    let half: String = text.split_inclusive('\n').take(5).collect();
    std::fs::write(&log, half).unwrap();
    assert_eq!(program.output(&search(&[])), winner);
    // Of many no more are kept than there is room for.
    program.write("many.jsonl", &program.output(&["space", "--sample", "500", "--seed", "5"]));
    program.output(&search(&["--fresh", "--warm-start", "many.jsonl"]));
    let record: Value = serde_json::from_slice(&std::fs::read(log.with_file_name("record.json")).unwrap()).unwrap();
    assert_eq!(record["warm_start"].as_array().unwrap().len(), 8);
    program.output(&search(&["--fresh", "--warm-start", "given.jsonl"]));
    program.write("other.jsonl", &program.output(&["space", "--sample", "3", "--seed", "6"]));
    let message = program.refusal_after_start(&search(&["--warm-start", "other.jsonl"]));
    assert!(message.contains("other architectures of --warm-start"), "{message}");
    let none = program.output(&["space", "--config", "multi30k", "--sample", "2"]);
    program.write("none.jsonl", &none);
    let before = std::fs::read_to_string(&log).unwrap();
    let message = program.refusal_after_start(&search(&["--fresh", "--warm-start", "none.jsonl"]));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), before);
    assert!(message.ends_with("--warm-start: nothing to begin with: 2 outside of the space"), "{message}");
}

#[test]
fn of_trials_a_search_begins_with_the_best() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    program.output(&search(&["--set", "search.racing=true", "--set", "search.parents=2"]));
    let log = program.folder().join("runs/toy/search/trials.jsonl");
    std::fs::copy(&log, program.folder().join("log.jsonl")).unwrap();
    let mut trials = values(&std::fs::read_to_string(&log).unwrap());
    trials.retain(|trial| trial["state"] == "complete");
    trials.sort_by(|a, b| a["loss"].as_f64().unwrap().total_cmp(&b["loss"].as_f64().unwrap()));
    let message = program.refusal_after_start(&search(&["--set", "search.parents=2"]));
    assert!(message.contains("evaluated with search.racing = true, and it is false"), "{message}");
    program.output(&search(&["--fresh", "--warm-start", "log.jsonl"]));
    let warm = values(&std::fs::read_to_string(&log).unwrap());
    for (trial, best) in warm.iter().zip(trials.iter().take(8)) {
        assert_eq!(trial["architecture"], best["architecture"]);
    }
    assert!(trials.len() > 3);
}

#[test]
fn candidates_race_and_the_race_goes_on_after_an_interruption() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let race = search(&["--set", "search.racing=true", "--set", "search.parents=2"]);
    let winner = program.output(&race);
    let log = program.folder().join("runs/toy/search/trials.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let trials = values(&text);
    let of_state = |state: &str| trials.iter().filter(|trial| trial["state"] == state).count();
    assert_eq!(of_state("complete") + of_state("dropped"), trials.len());
    assert!(of_state("complete") > 1, "{text}");
    let best = trials.iter().filter(|trial| trial["state"] == "complete");
    let best = best.min_by(|a, b| a["loss"].as_f64().unwrap().total_cmp(&b["loss"].as_f64().unwrap())).unwrap();
    assert_eq!(values(&winner), [best["architecture"].clone()]);
    let half: String = text.split_inclusive('\n').take(7).collect();
    std::fs::write(&log, half).unwrap();
    assert_eq!(program.output(&race), winner);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), text, "with the seconds of the losses that were kept");
}
