//! A run killed at any moment goes on by the same command and ends with the same bytes.

use super::program::{Program, TINY, arguments};
use rand::RngExt;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Moments at which a run is killed.
const KILLS: u64 = 10;

/// Runs the program until it ends by itself or `limit` has passed, and tells whether it ended.
fn run_for(program: &Program, arguments: &[&str], limit: Duration) -> bool {
    let mut child = program.start(arguments);
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{arguments:?}");
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Trial lines without their wall times.
fn trials(program: &Program) -> Vec<Value> {
    let text = std::fs::read_to_string(program.folder().join("runs/toy/search/trials.jsonl")).unwrap();
    let trials = text.lines().map(|line| {
        let mut trial: Value = serde_json::from_str(line).unwrap();
        trial.as_object_mut().unwrap().remove("seconds");
        trial
    });
    trials.collect()
}

#[test]
fn train_and_search_killed_at_random_moments_end_alike() {
    let whole = Program::new();
    let start = Instant::now();
    let (train, search) = (arguments(&["train"], &TINY), arguments(&["search"], &TINY));
    whole.output(&train);
    let train_time = start.elapsed();
    let start = Instant::now();
    let winner = whole.output(&search);
    let search_time = start.elapsed();

    let broken = Program::new();
    let mut rng = automoe::seed::stream(1, "kill moments", 0);
    for (command, time) in [(&train, train_time), (&search, search_time)] {
        let kills =
            (0..KILLS).take_while(|_| !run_for(&broken, command, time.mul_f64(rng.random_range(0.05..0.6)))).count();
        assert!(kills > 0, "never killed");
    }
    broken.output(&train);
    assert_eq!(broken.output(&search), winner);
    for file in ["last.safetensors", "best.safetensors", "last.json"] {
        let read = |program: &Program| std::fs::read(program.folder().join("runs/toy/supernet").join(file)).unwrap();
        assert!(read(&broken) == read(&whole), "{file} differs");
    }
    assert_eq!(trials(&broken), trials(&whole));
}
