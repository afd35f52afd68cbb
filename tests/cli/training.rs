//! What a tiny training comes to.

use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::time::Duration;

/// Losses of a training on `device`, as `metrics.jsonl` has them; with `stop`, it is killed once it has a checkpoint, and goes on.
pub fn losses(device: &str, precision: &str, stop: bool) -> Vec<f64> {
    let program = Program::new();
    let precision = format!("train.precision={precision}");
    let train = arguments(&["train", "--device", device, "--set", &precision], &TINY);
    let train = arguments(&train, &["--set", "train.log_every=4", "--set", "train.max_tokens=512"]);
    let folder = program.folder().join("runs/toy/supernet");
    if stop {
        let mut child = program.start(&train);
        while !folder.join("last.safetensors").exists() {
            assert!(child.try_wait().unwrap().is_none(), "ended without a checkpoint");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    program.output(&train);
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["loss"].as_f64().or(line["valid_mean"].as_f64())).collect()
}

/// The largest relative difference.
pub fn worst(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| ((a - b) / a).abs()).fold(0.0, f64::max)
}
