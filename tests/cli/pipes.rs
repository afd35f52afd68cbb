//! Subcommands in pipelines.

use super::program::Program;
use serde_json::Value;

#[test]
fn sampled_architectures_are_priced() {
    let program = Program::new();
    let sampled = program.output(&["space", "--config", "toy", "--sample", "20", "--seed", "7"]);
    assert_eq!(sampled.lines().count(), 20);
    assert_eq!(sampled, program.output(&["space", "--config", "toy", "--sample", "20", "--seed", "7"]));
    assert_ne!(sampled, program.output(&["space", "--config", "toy", "--sample", "20", "--seed", "8"]));
    let priced = program.output_of(&["cost", "--config", "toy", "--arch", "-"], &sampled);
    for (line, architecture) in priced.lines().zip(sampled.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["architecture"], serde_json::from_str::<Value>(architecture).unwrap());
        assert!(line["gflops"].as_f64().unwrap() > 0.0);
        assert!(line["gflops_worst"].as_f64() >= line["gflops"].as_f64());
        assert!(line["gflops_projection"].is_f64() && line["sparsity"].is_f64());
        for key in ["total", "active", "embedding"] {
            assert!(line["parameters"][key].is_u64(), "{key}");
        }
    }
    assert_eq!(priced.lines().count(), 20);
}

#[test]
fn the_space_describes_itself_and_its_extremes_are_in_it() {
    let program = Program::new();
    let description: Value = serde_json::from_str(&program.output(&["space", "--config", "wmt14-en-de"])).unwrap();
    assert!(description["genes"].as_array().is_some_and(|genes| genes.len() > 10));
    for extreme in ["--largest", "--smallest"] {
        let architecture = program.output(&["space", extreme]);
        program.output_of(&["space", "--check", "-"], &architecture);
    }
    let schema: Value = serde_json::from_str(&program.output(&["space", "--schema"])).unwrap();
    assert!(schema["$schema"].is_string());
}

#[test]
fn a_full_size_supernet_tells_what_it_needs() {
    let program = Program::new();
    let needs = program.output(&["train", "--config", "wmt14-en-de", "--dry-run"]);
    let needs: Value = serde_json::from_str(&needs).unwrap();
    assert!(needs["parameters"].as_u64().unwrap() > 300_000_000);
    assert_eq!(needs["updates"], 40_000);
    assert_eq!(needs["tokens_per_update"], 524_288);
    assert!(!needs["missing"].as_array().unwrap().is_empty());
}
