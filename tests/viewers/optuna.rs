//! Journals, read by Optuna.

use super::{python, script};
use crate::cli::program::{Program, TINY, arguments};
use serde_json::Value;
use std::fs;

#[test]
fn optuna_reads_the_trials_of_a_search() {
    let program = Program::new();
    let call = |command: &[&str], more: &[&str]| program.output(&[&arguments(command, &TINY)[..], more].concat());
    call(&["train"], &[]);
    let two = [
        "--set",
        "search.algorithm=nsga2",
        "--set",
        "search.objectives=[\"loss\", \"gflops\"]",
        "--max-parameters",
        "0.2",
    ];
    for (run, options) in [("runs/one", &[][..]), ("runs/two", &two)] {
        let options = [options, &["--checkpoint", "runs/toy/supernet", "--run-dir", run]].concat();
        let found = call(&["search"], &options);
        assert_eq!(program.output(&["report", run, "--optuna", "a.journal"]), "");
        assert!(!program.folder().join(run).join("report.html").exists());
        let journal = program.folder().join("a.journal");
        let name = "optuna_reads_the_trials_of_a_search";
        let Some(text) = python(name, "optuna", &script("read_journal.py"), &[&journal]) else { return };
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["name"], run["runs/".len()..]);
        let trials = fs::read_to_string(program.folder().join(run).join("search/trials.jsonl")).unwrap();
        let trials: Vec<Value> = trials.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let rows = read["trials"].as_array().unwrap();
        assert_eq!(rows.len(), trials.len());
        for (row, trial) in rows.iter().zip(&trials) {
            assert_eq!((&row["id"], row["state"].as_str()), (&trial["id"], Some("COMPLETE")));
            let values = if run == "runs/one" { vec![&trial["loss"]] } else { vec![&trial["loss"], &trial["gflops"]] };
            assert!(row["values"].as_array().unwrap().iter().eq(values));
            let seconds = [&row["seconds"], &trial["seconds"]].map(|seconds| seconds.as_f64().unwrap());
            assert!((seconds[0] - seconds[1]).abs() < 1e-5);
            let width = &trial["architecture"]["encoder"]["encoder_embed_dim"];
            assert_eq!(&row["params"]["encoder_embed_dim"], width);
            assert_eq!(&row["params"]["decoder_layer_num"], &trial["architecture"]["decoder"]["decoder_layer_num"]);
            let heads = &trial["architecture"]["decoder"]["decoder_self_attention_heads"];
            assert_eq!(&row["params"]["decoder_self_attention_heads[0]"], heads.get(0).unwrap_or(heads));
            assert!(row["constraints"].as_array().unwrap().iter().all(|figure| figure.as_f64().unwrap() <= 0.0));
        }
        assert!(!read["importances"].as_object().unwrap().is_empty());
        // Those that the search itself calls the best.
        let mut best: Vec<u64> = read["best"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
        best.sort_unstable();
        match run {
            "runs/one" => {
                let losses = || trials.iter().map(|trial| trial["loss"].as_f64().unwrap());
                let least = losses().fold(f64::INFINITY, f64::min);
                let expected = trials.iter().find(|trial| trial["loss"] == least).unwrap();
                assert_eq!(best[0], expected["id"].as_u64().unwrap());
            }
            _ => {
                let mut front: Vec<u64> = found
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap())
                    .collect();
                front.sort_unstable();
                assert_eq!(best, front);
            }
        }
    }
}
