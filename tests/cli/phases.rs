//! All phases on a tiny corpus.

use super::program::{Program, TINY, arguments};
use serde_json::Value;

#[test]
fn run_ends_in_a_table_and_does_nothing_the_second_time() {
    let program = Program::new();
    let command = arguments(&["run", "--json"], &TINY);
    let first: Value = serde_json::from_str(&program.output(&command)).unwrap();
    let names: Vec<_> = first["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["supernet", "winner", "baseline"]);
    for row in first["rows"].as_array().unwrap() {
        assert!(row["bleu"].is_f64() && row["gflops"].as_f64().unwrap() > 0.0);
    }
    let trials = std::fs::read_to_string(program.folder().join("runs/toy/search/trials.jsonl")).unwrap();
    let second: Value = serde_json::from_str(&program.output(&command)).unwrap();
    assert_eq!(first, second);
    assert_eq!(trials, std::fs::read_to_string(program.folder().join("runs/toy/search/trials.jsonl")).unwrap());
    let table = program.output(&arguments(&["run"], &TINY));
    assert!(table.contains("winner") && table.contains("BLEU"), "{table}");
}

#[test]
fn phases_one_by_one_in_a_pipeline() {
    let program = Program::new();
    let statistics: Value = serde_json::from_str(&program.output(&arguments(&["data"], &TINY))).unwrap();
    assert!(statistics.is_object());
    program.output(&arguments(&["train"], &TINY));
    let winner = program.output(&arguments(&["search"], &TINY));
    program.output_of(&arguments(&["space", "--check", "-"], &TINY[..2]), &winner);
    for inherit in [&[][..], &["--inherit"]] {
        let name = if inherit.is_empty() { "scratch" } else { "inherited" };
        let train = arguments(&["train", "--arch", "-", "--name", name], inherit);
        let summary: Value = serde_json::from_str(&program.output_of(&arguments(&train, &TINY), &winner)).unwrap();
        assert_eq!(summary["updates"], 24);
    }
    let input = "mi lo\n\nta ri mo\n";
    let best = program.output_of(&["translate", "--checkpoint", "runs/toy/models/scratch"], input);
    assert_eq!(best.lines().count(), 3);
    let nbest = ["translate", "--checkpoint", "runs/toy/models/scratch", "--nbest", "2", "--scores"];
    let nbest = program.output_of(&nbest, input);
    assert_eq!(nbest.lines().count(), 6);
    assert!(nbest.lines().all(|line| line.split_once('\t').is_some_and(|(score, _)| score.parse::<f64>().is_ok())));
    let long = format!("mi lo\n{}\nta ri mo\n", "mi lo ".repeat(1000));
    let translate = ["translate", "--checkpoint", "runs/toy/models/scratch"];
    // The line before the one that is too long is answered.
    let output = program.command(&translate).write_stdin(long.as_str()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.starts_with("automoe: stdin: line 2: ") && message.contains("--skip-long"), "{message}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().next(), best.lines().next());
    let message = program.refusal(&arguments(&translate, &["--set", "model.qkv_dim=32"]), input);
    assert!(message.contains("--set model.qkv_dim=32: the model is trained"), "{message}");
    let scored = arguments(&translate, &["--skip-long", "--scores", "--set", "translate.beam=2"]);
    let scored = program.output_of(&scored, &long);
    assert!(scored.lines().nth(1).unwrap().starts_with("-inf\t"), "{scored}");
    let skipping = program.command(&arguments(&translate, &["--skip-long"])).write_stdin(long).output().unwrap();
    assert_eq!(String::from_utf8(skipping.stdout).unwrap(), best);
    let warning = String::from_utf8(skipping.stderr).unwrap();
    assert!(warning.contains("stdin: line 2: "), "{warning}");
    program.write("winner.json", &winner);
    let subnet = ["translate", "--checkpoint", "runs/toy/supernet", "--arch", "winner.json"];
    assert_eq!(program.output_of(&subnet, input).lines().count(), 3);

    program.write("other.json", &program.output(&["space", "--sample", "1"]));
    let message = program.refusal(&arguments(&translate, &["--arch", "other.json"]), input);
    assert!(message.contains("models/scratch: no SuperNet"), "{message}");
    let measure = ["latency", "measure", "--passes", "4", "--checkpoint"];
    let message = program.refusal(&arguments(&measure, &["runs/toy/models/scratch", "--arch", "other.json"]), "");
    assert!(message.contains("models/scratch: no SuperNet"), "{message}");
    let measured = program.output(&arguments(&measure, &["runs/toy/models/scratch"]));
    let measured: Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(measured["architecture"], serde_json::from_str::<Value>(&winner).unwrap());
    let measured = program.output(&arguments(&measure, &["runs/toy/supernet", "--arch", "other.json"]));
    let measured: Value = serde_json::from_str(&measured).unwrap();
    let data: Value = serde_json::from_str(&program.output(&arguments(&["data"], &TINY))).unwrap();
    assert_eq!(measured["vocab_size"], data["target_vocabulary"]);
    let set = ["runs/toy/supernet", "--set", "model.qkv_dim=48", "--set", "cost.sentence_length=5"];
    let measured: Value = serde_json::from_str(&program.output(&arguments(&measure, &set))).unwrap();
    assert_eq!(measured["sentence_length"], 5);
    let mut heads: Value = serde_json::from_str(&winner).unwrap();
    heads["encoder"]["encoder_self_attention_heads"][0] = 3.into();
    program.write("heads.json", &heads.to_string());
    let message = program.refusal(&arguments(&measure, &arguments(&set, &["--arch", "heads.json"])), "");
    assert!(message.contains("3 heads do not divide qkv_dim = 64"), "{message}");
    let inherit = ["train", "--arch", "other.json", "--name", "other", "--inherit", "runs/toy/models/scratch"];
    let message = program.refusal_after_start(&arguments(&inherit, &TINY));
    assert!(message.contains("models/scratch: no SuperNet"), "{message}");
    let search = arguments(&["search", "--fresh", "--checkpoint", "runs/toy/models/scratch"], &TINY);
    let message = program.refusal_after_start(&search);
    assert!(message.contains("no SuperNet"), "{message}");
    // Costs are counted, and the winner trained, with the config's width of attention.
    let wider = arguments(&TINY, &["--set", "model.qkv_dim=128", "--max-gflops", "0", "--run-dir", "runs/b"]);
    let message = program.refusal_after_start(&arguments(&["search", "--checkpoint", "runs/toy/supernet"], &wider));
    assert!(message.contains("its attentions have 64 features, the config model.qkv_dim = 128"), "{message}");
    assert!(message.contains("--set model.qkv_dim=64"), "{message}");
    let again = ["train", "--arch", "winner.json", "--name", "inherited", "--inherit"];
    let again = program.command(&arguments(&again, &TINY)).output().unwrap();
    let warnings = String::from_utf8(again.stderr).unwrap();
    assert!(warnings.contains("inherited goes on from its own weights"), "{warnings}");
}

/// Losses, FLOPs and shares of the last validation of a training.
fn last_validation(program: &Program) -> Value {
    let metrics = std::fs::read_to_string(program.folder().join("runs/toy/supernet/metrics.jsonl")).unwrap();
    let mut lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.rfind(|line| line.get("valid").is_some()).unwrap()
}

#[test]
fn the_log_tells_what_each_expert_slot_had_and_what_it_cost() {
    let shares = |rules: &[&str]| {
        let program = Program::new();
        program.output(&arguments(&arguments(&["train"], &TINY), rules));
        let line = last_validation(&program);
        let of = |what: &str| {
            let stacks = ["encoder", "decoder"].map(|stack| line["slots"][what][stack].clone());
            stacks.map(|stack| serde_json::from_value::<Vec<[f64; 2]>>(stack).unwrap()).concat()
        };
        (line["trained_gflops"].as_f64().unwrap(), of("updates"), of("tokens"))
    };
    let (uniform, updates, tokens) = shares(&[]);
    assert_eq!(updates.len(), 4);
    assert!(updates[..2].iter().all(|&[first, second]| first == 1.0 && second < 1.0), "{updates:?}");
    for [first, second] in tokens {
        assert!(first > 0.0 && second >= 0.0 && (first + second - 1.0).abs() < 1e-12);
    }
    // The largest, which has both experts, is in every update, and the smallest beside it.
    let (sandwich, updates, _) = shares(&["--set", "train.sampling=sandwich"]);
    assert_eq!(updates, [[1.0; 2]; 4]);
    assert!(sandwich > 3.0 * uniform, "{sandwich} {uniform}");
    let (distilled, ..) = shares(&["--set", "train.sampling=sandwich", "--set", "train.distillation=0.5"]);
    assert!(distilled > sandwich && distilled < 1.5 * sandwich, "{distilled} {sandwich}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let weights = ["1", "2", "3"].map(|threads| {
        let program = Program::new();
        program.command(&arguments(&["run"], &TINY)).env("RAYON_NUM_THREADS", threads).assert().success();
        ["supernet", "models/winner"]
            .map(|model| std::fs::read(program.folder().join(format!("runs/toy/{model}/last.safetensors"))).unwrap())
    });
    assert!(weights[0] == weights[1], "one thread and two");
    assert!(weights[0] == weights[2], "one thread and three");
}

#[test]
fn costs_count_the_vocabulary_that_was_learned() {
    let program = Program::new();
    let wish = ["--set", "data.vocab_size=5000"];
    let costs = |more: &[&str]| -> Value {
        let command = arguments(&arguments(&["cost"], &TINY), &arguments(&wish, more));
        serde_json::from_str(&program.output(&command)).unwrap()
    };
    let embedding = |costs: &Value| costs["parameters"]["embedding"].as_u64().unwrap();
    let wished = costs(&[]);
    assert_eq!(embedding(&wished), 5000 * 64);
    program.output(&arguments(&arguments(&["train"], &TINY), &wish));
    let statistics = program.output(&arguments(&arguments(&["data"], &TINY), &wish));
    let learned = serde_json::from_str::<Value>(&statistics).unwrap()["target_vocabulary"].as_u64().unwrap();
    assert!(learned < 5000);
    let counted = costs(&[]);
    assert_eq!(embedding(&counted), learned * 64);
    assert!(counted["gflops_projection"].as_f64().unwrap() < wished["gflops_projection"].as_f64().unwrap());
    assert_eq!(counted["gflops"], wished["gflops"]);
    // Other subwords than the run's, and a number that is given.
    assert_eq!(embedding(&costs(&["--set", "data.vocab_size=4999"])), 4999 * 64);
    assert_eq!(embedding(&costs(&["--set", "cost.vocab_size=7000"])), 7000 * 64);
}

#[test]
fn a_test_set_is_asked_for_by_run_alone() {
    let program = Program::new();
    let text: String = (0..60).map(|i| format!("ab ba {} ca\n", ["a", "ab", "abc", "cab"][i % 4])).collect();
    for name in ["train.src", "train.tgt", "valid.src", "valid.tgt"] {
        program.write(name, &text);
    }
    let files = ["--set", "data.corpus=files", "--set", "data.dir=.", "--set", "data.test=[]"];
    let command = |name| arguments(&arguments(&[name], &TINY), &files);
    for name in ["data", "train", "search"] {
        program.output(&command(name));
    }
    let message = program.refusal_after_start(&command("run"));
    assert!(message.contains("data.test: names no text"), "{message}");

    // It may come later, and be another then: what is trained stays.
    let folder = program.folder();
    let trained = || std::fs::read(folder.join("runs/toy/supernet/last.safetensors")).unwrap();
    let supernet = trained();
    let run = |more: &[&str]| -> (Value, String) {
        let test = arguments(&["--json", "--set", "data.test=['test']"], more);
        let output = program.command(&arguments(&command("run"), &test)).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        (serde_json::from_slice(&output.stdout).unwrap(), errors)
    };
    let write = |lines: usize| {
        for name in ["test.src", "test.tgt"] {
            program.write(name, &text.lines().take(lines).map(|line| format!("{line}\n")).collect::<String>());
        }
    };
    write(3);
    let (first, errors) = run(&[]);
    assert!(errors.contains("supernet: trained already"), "{errors}");
    assert_eq!(run(&[]).0, first);
    write(4);
    let (second, errors) = run(&[]);
    for model in ["supernet", "winner", "baseline"] {
        assert!(errors.contains(&format!("{model}: trained already")), "{errors}");
    }
    let column = |results: &Value, key: &str| -> Vec<Value> {
        results["rows"].as_array().unwrap().iter().map(|row| row[key].clone()).collect()
    };
    assert_ne!(column(&first, "chrf"), column(&second, "chrf"));
    assert_eq!(column(&first, "weights"), column(&second, "weights"));
    assert_eq!(run(&[]).0, second);
    assert!(trained() == supernet);
    // Other training text is another run.
    program.write("valid.src", &text.replace("ca", "ab"));
    let message = program.refusal_after_start(&arguments(&command("run"), &["--set", "data.test=['test']"]));
    assert!(message.contains("the data has changed since it was begun"), "{message}");
}
