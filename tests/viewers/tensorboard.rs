//! Event files, read by TensorBoard.

use super::{python, script};
use crate::cli::program::{Program, TINY, arguments};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

type Curves = BTreeMap<String, Vec<(u64, f64)>>;

/// What a run's own logs say: the figures of training, and the best loss after each trial.
fn logged(run: &Path) -> (Curves, Curves) {
    let lines = |path: &str| -> Vec<Value> {
        let text = fs::read_to_string(run.join(path)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut training = Curves::new();
    for line in lines("supernet/metrics.jsonl") {
        let update = line["update"].as_u64().unwrap();
        for (key, tag) in
            [("loss", "train/loss"), ("perplexity", "train/ppl"), ("lr", "train/lr"), ("valid_mean", "valid/mean")]
        {
            if let Some(figure) = line[key].as_f64() {
                training.entry(tag.into()).or_default().push((update, figure));
            }
        }
        for name in ["largest", "smallest"] {
            if let Some(loss) = line["valid"][name].as_f64() {
                training.entry(format!("valid/{name}")).or_default().push((update, loss));
            }
        }
    }
    let losses = lines("search/trials.jsonl");
    let losses = losses.iter().filter_map(|trial| trial["loss"].as_f64());
    let best = losses.scan(f64::INFINITY, |best, loss| {
        *best = best.min(loss);
        Some(*best)
    });
    let search = [("search/best".to_owned(), (1..).zip(best).collect())];
    (training, search.into())
}

fn check(read: &Curves, expected: &Curves) {
    for (tag, curve) in expected {
        let found = read.get(tag).unwrap_or_else(|| panic!("{tag} is missing"));
        let steps = |curve: &[(u64, f64)]| curve.iter().map(|(step, _)| *step).collect::<Vec<_>>();
        assert_eq!(steps(found), steps(curve), "{tag}");
        assert!(
            found.iter().zip(curve).all(|(a, b)| (a.1 - b.1).abs() <= 1e-6 * b.1.abs()),
            "{tag}: {found:?} {curve:?}"
        );
    }
}

/// As after a process that was killed: the training goes on from a save before the last figures that were written.
#[test]
fn tensorboard_reads_what_the_logs_say_also_after_a_resume() {
    let [program, killed] = [Program::new(), Program::new()];
    let shown = ["--set", "report.tensorboard=true", "--set", "train.log_every=4"];
    let shorter = ["--set", "train.max_updates=16", "--set", "train.lr_schedule=inverse-sqrt"];
    let longer = ["--set", "train.max_updates=24", "--set", "train.lr_schedule=inverse-sqrt"];
    let call = |program: &Program, command: &str, more: &[&str]| {
        drop(program.output(&[&arguments(&[command], &TINY)[..], &shown, more].concat()));
    };
    call(&killed, "train", &longer);
    call(&program, "train", &shorter);
    let [run, later] = [&program, &killed].map(|program| program.folder().join("runs/toy"));
    let events = "supernet/events.out.tfevents.automoe";
    fs::copy(later.join(events), run.join(events)).unwrap();
    call(&program, "train", &longer);
    call(&program, "search", &longer);
    // What is found already changes no figure.
    call(&program, "search", &longer);
    let (training, search) = logged(&run);
    assert!(training.len() > 4 && search["search/best"].len() > 8);
    let name = "tensorboard_reads_what_the_logs_say_also_after_a_resume";
    let read = |folder: &str| -> Option<Curves> {
        let text = python(name, "tensorboard", &script("read_events.py"), &[&run.join(folder)])?;
        Some(serde_json::from_str(&text).unwrap())
    };
    let Some(supernet) = read("supernet") else { return };
    check(&supernet, &training);
    assert_eq!(supernet["train/tokens_per_second"].len(), training["train/loss"].len());
    check(&read("search").unwrap(), &search);
}
