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

/// Starts a command and sends it a signal once the file `begun` is there and not empty: its exit code and the last line of
/// its messages.
#[cfg(unix)]
pub fn interrupt(program: &Program, arguments: &[&str], signal: &str, begun: &str) -> (Option<i32>, String) {
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
        .args(arguments)
        .current_dir(program.folder())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = program.folder().join(begun);
    let start = Instant::now();
    while begun.metadata().map_or(0, |metadata| metadata.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing has begun");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), errors.lines().last().unwrap_or_default().to_owned())
}

#[test]
#[cfg(unix)]
fn a_training_saves_on_signals_and_ends_alike() {
    let rare = ["--set", "train.max_updates=200", "--set", "train.save_every=1000", "--set", "train.log_every=1"];
    let train = arguments(&arguments(&["train"], &TINY), &rare);
    let sandwich = ["--set", "train.sampling=sandwich", "--set", "train.distillation=0.5"];
    for (signal, rules) in [("-INT", &[][..]), ("-TERM", &sandwich)] {
        let train = arguments(&train, rules);
        let whole = Program::new();
        whole.output(&train);
        training_saves_on(signal, &train, &whole);
    }
}

#[cfg(unix)]
fn training_saves_on(signal: &str, train: &[&str], whole: &Program) {
    let broken = Program::new();
    let (code, message) = interrupt(&broken, train, signal, "runs/toy/supernet/metrics.jsonl");
    assert_eq!(code, Some(130), "{message}");
    assert!(message.starts_with("automoe: training supernet: interrupted, and saved after update "), "{message}");
    let read = |program: &Program, file: &str| std::fs::read(program.folder().join("runs/toy/supernet").join(file));
    let saved: Value = serde_json::from_slice(&read(&broken, "last.json").unwrap()).unwrap();
    let update = saved["update"].as_u64().unwrap();
    assert!((1..200).contains(&update), "{update}");
    assert!(message.contains(&format!("after update {update};")), "{message}");
    broken.output(train);
    for file in ["last.safetensors", "best.safetensors", "last.json"] {
        assert!(read(&broken, file).unwrap() == read(whole, file).unwrap(), "{file} differs");
    }
}

#[test]
#[cfg(unix)]
fn a_search_and_a_collection_tell_what_they_keep() {
    let program = Program::new();
    program.output(&arguments(&["train"], &TINY));
    let long = ["--set", "search.generations=30", "--set", "search.population=60"];
    let search = arguments(&arguments(&["search"], &TINY), &long);
    let (code, message) = interrupt(&program, &search, "-INT", "runs/toy/search/trials.jsonl");
    assert_eq!(code, Some(130), "{message}");
    let kept = trials(&program).len();
    assert!(message.contains(&format!("interrupted; {kept} trials are kept")), "{message}");
    let collect = ["latency", "collect", "--samples", "500", "--out", "here.csv"];
    let (code, message) = interrupt(&program, &collect, "-INT", "here.csv");
    assert_eq!(code, Some(130), "{message}");
    let rows = std::fs::read_to_string(program.folder().join("here.csv")).unwrap().lines().count() - 1;
    assert!(message.contains(&format!("{rows} of 500 rows are in here.csv")), "{message}");
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
        broken.output(command);
    }
    assert_eq!(broken.output(&search), winner);
    for file in ["last.safetensors", "best.safetensors", "last.json"] {
        let read = |program: &Program| std::fs::read(program.folder().join("runs/toy/supernet").join(file)).unwrap();
        assert!(read(&broken) == read(&whole), "{file} differs");
    }
    assert_eq!(trials(&broken), trials(&whole));
}
