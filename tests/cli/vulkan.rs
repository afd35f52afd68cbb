//! The graphics path, on a Vulkan driver that runs on the CPU where there is no card.

use super::program::{Program, TINY, arguments};
use serde_json::Value;
use std::time::Duration;

/// Losses of a training on `device`, as `metrics.jsonl` has them; with `stop`, it is killed once it has a checkpoint, and goes on.
fn losses(device: &str, stop: bool) -> Vec<f64> {
    let program = Program::new();
    let train = arguments(&["train", "--device", device], &TINY);
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

#[test]
fn training_on_vulkan_ends_within_one_per_cent_of_the_cpu() {
    if let Err(error) = automoe::model::device::parse("vulkan") {
        println!("training on vulkan: skipped, {error}");
        return;
    }
    let (cpu, vulkan) = (losses("cpu", false), losses("vulkan", false));
    assert_eq!(cpu.len(), vulkan.len());
    let worst = cpu.iter().zip(&vulkan).map(|(cpu, vulkan)| ((cpu - vulkan) / cpu).abs()).fold(0.0, f64::max);
    println!("training on vulkan: losses within {:.3} % of the CPU's", 100.0 * worst);
    assert!(worst < 0.01, "{cpu:?} {vulkan:?}");
    // Experts' weights and moments go through the checkpoint one by one and come back stacked.
    assert_eq!(losses("vulkan", true), vulkan);
}
