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

/// Starts a training that saves at its end alone, and interrupts it as Ctrl-C does once it has logged an update: its exit
/// code and the last line of its messages.
#[cfg(unix)]
fn interrupt(program: &Program, train: &[&str]) -> (Option<i32>, String) {
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
        .args(train)
        .current_dir(program.folder())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = program.folder().join("runs/toy/supernet/metrics.jsonl");
    let start = Instant::now();
    while metrics.metadata().map_or(0, |metadata| metadata.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing is trained");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), errors.lines().last().unwrap_or_default().to_owned())
}

#[test]
#[cfg(unix)]
fn a_training_saves_on_ctrl_c_and_ends_alike() {
    let rare = ["--set", "train.max_updates=60", "--set", "train.save_every=1000", "--set", "train.log_every=1"];
    let train = arguments(&arguments(&["train"], &TINY), &rare);
    let (whole, broken) = (Program::new(), Program::new());
    whole.output(&train);
    let (code, message) = interrupt(&broken, &train);
    assert_eq!(code, Some(130), "{message}");
    assert!(message.starts_with("automoe: training supernet: interrupted, and saved after update "), "{message}");
    let read = |program: &Program, file: &str| std::fs::read(program.folder().join("runs/toy/supernet").join(file));
    let saved: Value = serde_json::from_slice(&read(&broken, "last.json").unwrap()).unwrap();
    let update = saved["update"].as_u64().unwrap();
    assert!((1..60).contains(&update), "{update}");
    assert!(message.contains(&format!("after update {update};")), "{message}");
    broken.output(&train);
    for file in ["last.safetensors", "best.safetensors", "last.json"] {
        assert!(read(&broken, file).unwrap() == read(&whole, file).unwrap(), "{file} differs");
    }
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
        // The first early: with the machine to itself it may be several times as fast as the one that was timed.
        let share = |kill| if kill == 0 { 0.1 } else { rng.random_range(0.05..0.6) };
        let kills = (0..KILLS).map(share).take_while(|share| !run_for(&broken, command, time.mul_f64(*share))).count();
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
