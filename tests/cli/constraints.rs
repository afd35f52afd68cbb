//! Searches under limits, alone and together.

use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::fmt::Write;

/// A folder with a trained SuperNet, and what its tiny search is called with.
fn trained() -> Program {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    program
}

fn search<'a>(limits: &[&'a str]) -> Vec<&'a str> {
    arguments(&arguments(&["search"], &TINY), &arguments(&["--max-gflops", "0"], limits))
}

/// Standard output and standard error of a search that succeeds.
fn searched(program: &Program, limits: &[&str]) -> (String, String) {
    let output = program.command(&search(limits)).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{limits:?}: {errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

fn lines(program: &Program, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(program.folder().join("runs/toy/search").join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A profile of an invented device, fitted to invented measurements: a decoder layer takes `layer_ms`.
fn write_profile(program: &Program, name: &str, layer_ms: f64) {
    let mut data =
        "architecture,encoder_ms,decoder_ms,device,threads,sentence_length,beam,vocab_size,qkv_dim\n".to_owned();
    for line in program.output(&["space", "--sample", "120"]).lines() {
        let architecture: Value = serde_json::from_str(line).unwrap();
        let decoder = &architecture["decoder"];
        let layers = decoder["decoder_layer_num"].as_f64().unwrap();
        let width = decoder["decoder_embed_dim"].as_f64().unwrap();
        let quoted = line.replace('"', "\"\"");
        writeln!(data, "\"{quoted}\",2.0,{},cpu,2,12,5,400,64", layer_ms * layers * width / 64.0).unwrap();
    }
    program.write("measured.csv", &data);
    program.output(&["latency", "fit", "measured.csv", "--out", name]);
}

#[test]
fn limits_combine_and_trials_and_summary_tell_their_figures() {
    let program = trained();
    write_profile(&program, "device.json", 10.0);
    let limits = [
        ("--max-gflops", "0.0035", "gflops"),
        ("--max-parameters", "0.16", "parameters"),
        ("--max-active-parameters", "0.12", "active_parameters"),
        ("--max-memory-mb", "0.8", "memory_mb"),
        ("--max-kv-cache-mb", "0.07", "kv_cache_mb"),
        ("--max-latency-ms", "12.5", "latency_ms"),
    ];
    let mut options = vec!["--latency-profile", "device.json"];
    options.extend(limits.iter().flat_map(|(option, limit, _)| [*option, *limit]));
    let command = arguments(&arguments(&["search"], &TINY), &options);
    let output = program.command(&command).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let trials = lines(&program, "trials.jsonl");
    assert!(trials.len() > 8);
    for trial in &trials {
        assert_eq!(trial["state"], "complete");
        for (_, limit, key) in limits {
            let figure = trial[key].as_f64().unwrap();
            assert!(figure > 0.0 && figure <= limit.parse().unwrap(), "{key}: {figure}");
        }
    }
    let loss = |trial: &Value| trial["loss"].as_f64().unwrap();
    let best = trials.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap();
    let winner: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(best["architecture"], winner);
    let told = "latency is predicted for measured, measured on: cpu with 2 threads, sentence_length 12, beam 5, ";
    assert!(errors.contains(told), "{errors}");
    assert!(
        errors
            .contains("the latency profile was measured with beam 5, not 4; vocab_size 400, not 338 as in this config"),
        "{errors}"
    );
    for generation in 0..=2 {
        let line = format!("searching: generation {generation}, ");
        assert_eq!(errors.matches(&line).count(), 1, "{errors}");
    }
    let summary = errors.lines().find(|line| line.contains("winner: trial ")).unwrap();
    for part in [
        "GFLOPs (limit 0.0035)",
        "M active parameters (limit 0.12)",
        "MB (limit 0.8)",
        "MB of keys and values (limit 0.07)",
        "ms predicted (limit 12.5)",
    ] {
        assert!(summary.contains(part), "{part:?} is missing in: {summary}");
    }

    // The same limits by another profile are another search, though they may allow the same candidates.
    write_profile(&program, "device.json", 10.01);
    let message = program.refusal_after_start(&command);
    assert!(message.contains("trials.jsonl") && message.contains("latency profile"), "{message}");
}

#[test]
fn a_run_under_another_limit_is_told_which_and_how_to_go_on() {
    let program = trained();
    let limited = |command, limit| arguments(&[command, "--max-gflops", limit], &TINY);
    program.output(&limited("search", "0.0035"));
    let run = limited("run", "0.0025");
    let message = program.refusal_after_start(&run);
    for part in ["max_gflops = 0.0035 (now 0.0025);", "automoe search --fresh with the same options"] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
    program.output(&arguments(&limited("search", "0.0025"), &["--fresh"]));

    // A model that has the winner's name and is another is kept.
    program.write("largest.json", &program.output(&arguments(&["space", "--largest"], &TINY)));
    program.output(&arguments(&["train", "--arch", "largest.json", "--name", "winner"], &TINY));
    let models = program.folder().join("runs/toy/models");
    let users = std::fs::read(models.join("winner/best.safetensors")).unwrap();
    program.output(&run);
    assert!(std::fs::read(models.join("winner.1/best.safetensors")).unwrap() == users);
    assert!(std::fs::read(models.join("winner/best.safetensors")).unwrap() != users);
}

#[test]
fn a_limit_on_keys_and_values_holds_by_the_count_of_the_cost_command() {
    let program = trained();
    // One decoder layer, of the two that there may be.
    let (winner, errors) = searched(&program, &["--max-kv-cache-mb", "0.05"]);
    assert!(errors.contains("MB of keys and values (limit 0.05)"), "{errors}");
    program.write("winner.json", &winner);
    let cost = program.output(&["cost", "--config", "toy", "--arch", "winner.json"]);
    let cost: Value = serde_json::from_str(&cost).unwrap();
    assert_eq!(cost["architecture"]["decoder"]["decoder_layer_num"], 1);
    let trials = lines(&program, "trials.jsonl");
    let trial = trials.iter().find(|trial| trial["architecture"] == cost["architecture"]).unwrap();
    assert_eq!(trial["kv_cache_mb"].as_f64().unwrap() * 1e6, cost["kv_cache_bytes"].as_f64().unwrap());
    assert!(trials.iter().all(|trial| trial["kv_cache_mb"].as_f64().unwrap() <= 0.05));
}

#[test]
fn measured_latency_is_in_the_log_and_is_not_measured_again() {
    let program = trained();
    let limits = ["--max-latency-ms", "10000", "--latency", "measured"];
    let (winner, errors) = searched(&program, &limits);
    assert!(errors.contains("ms measured (limit 10000)"), "{errors}");
    let (trials, finalists) = (lines(&program, "trials.jsonl"), lines(&program, "finalists.jsonl"));
    assert!(trials.iter().all(|trial| trial["latency_ms"].as_f64().unwrap() > 0.0));
    assert_eq!(finalists.len(), 1);
    assert_eq!(finalists[0]["architecture"], serde_json::from_str::<Value>(&winner).unwrap());

    let (again, _) = searched(&program, &limits);
    assert_eq!(again, winner);
    assert_eq!(lines(&program, "trials.jsonl"), trials);
    assert_eq!(lines(&program, "finalists.jsonl"), finalists);

    // What is picked is measured at length, too.
    let gflops = trials.iter().map(|trial| trial["gflops"].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
    let pick = format!("gflops={gflops}");
    let in_config = ["--set", "search.max_latency_ms=10000", "--latency", "measured", "--pick", &pick];
    let (picked, _) = searched(&program, &in_config);
    let picked: Value = serde_json::from_str(&picked).unwrap();
    assert!(lines(&program, "finalists.jsonl").iter().any(|finalist| finalist["architecture"] == picked));

    // The page of the run has it beside what the search had measured.
    program.output(&["report", "runs/toy"]);
    let page = std::fs::read_to_string(program.folder().join("runs/toy/report.html")).unwrap();
    let id = &finalists[0]["id"];
    let in_search = trials.iter().find(|trial| trial["id"] == *id).unwrap()["latency_ms"].as_f64().unwrap();
    let at_length = finalists[0]["latency_ms"].as_f64().unwrap();
    let told = format!("trial {id}: {in_search:.3} ms in the search, {at_length:.3} ms measured");
    assert!(page.contains(&told), "{told}");

    // What was measured with another beam does not compare.
    let message = program.refusal_after_start(&search(&arguments(&limits, &["--set", "translate.beam=2"])));
    assert!(message.contains("beam 4") && message.contains("beam 2") && message.contains("--fresh"), "{message}");
}

#[test]
fn a_refused_search_leaves_the_settings_of_its_run_as_they_were() {
    let program = trained();
    let (winner, _) = searched(&program, &[]);
    let config = || std::fs::read_to_string(program.folder().join("runs/toy/config.toml")).unwrap();
    let before = config();
    for other in [&["--set", "search.population=10"][..], &["--max-parameters", "0.1"]] {
        assert!(program.refusal_after_start(&search(other)).contains("--fresh"));
        assert_eq!(config(), before);
    }
    // Nor does a training that has nothing to do.
    program.output(&arguments(&arguments(&["train"], &TINY), &["--set", "train.lr=0.5"]));
    assert_eq!(config(), before);
    let go_on = ["search", "--config", "runs/toy/config.toml"];
    assert_eq!(program.output(&go_on), winner);
    // One that searches anew is noted down, but not the rate that nothing was trained with.
    searched(&program, &["--fresh", "--set", "search.population=10", "--set", "train.lr=0.5"]);
    let after = config();
    assert!(after.contains("population = 10\n") && after.contains("lr = 0.003\n"), "{after}");
    program.output(&go_on);
}

#[test]
fn a_measured_limit_out_of_reach_is_answered_with_the_smallest_figure_and_keeps_the_old_trials() {
    let program = trained();
    searched(&program, &[]);
    let trials = lines(&program, "trials.jsonl");
    let limits = ["--fresh", "--max-latency-ms", "0.0001", "--latency", "measured"];
    let message = program.refusal_after_start(&search(&limits));
    assert!(message.contains("measured here has latency_ms ≤ 0.0001: the fastest has "), "{message}");
    assert_eq!(lines(&program, "trials.jsonl"), trials);
}

#[test]
fn limits_that_are_no_limits_or_cannot_be_kept_are_one_line() {
    let program = Program::new();
    program.write("other.json", "{}");
    let cases: [(&[&str], &[&str]); 11] = [
        (&["--max-gflops", "0.0001"], &["gflops ≤ 0.0001", "the smallest found has 0.001793 GFLOPs"]),
        (&["--max-parameters", "0.01"], &["parameters ≤ 0.01", "the smallest found has 0.0697 M", "gflops from"]),
        (&["--max-memory-mb", "-1"], &["search.max_memory_mb", "-1"]),
        (&["--max-kv-cache-mb", "0.03"], &["kv_cache_mb ≤ 0.03", "the smallest found has 0.03072 MB"]),
        (&["--max-kv-cache-mb", "0.01", "--set", "translate.beam=1"], &["the smallest found has 0.01229 MB"]),
        (&["--max-active-parameters", "nan"], &["search.max_active_parameters", "NaN"]),
        (&["--max-latency-ms", "5"], &["--latency-profile", "--latency measured"]),
        (&["--latency", "measured"], &["--latency: ", "--max-latency-ms"]),
        (&["--latency-profile", "other.json"], &["--latency-profile: ", "--max-latency-ms"]),
        (&["--max-latency-ms", "5", "--latency-profile", "absent.json"], &["absent.json"]),
        (&["--max-latency-ms", "5", "--latency-profile", "other.json"], &["other.json", "not a latency profile"]),
    ];
    for command in ["search", "run"] {
        for (options, parts) in cases {
            let message = program.refusal(&arguments(&[command], options), "");
            for part in parts {
                assert!(message.contains(part), "{part:?} is missing in: {message}");
            }
        }
    }
}
