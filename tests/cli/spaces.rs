//! Search spaces and architectures: drawn between limits, and in HAT's form.

use super::program::{Program, arguments};
use crate::shared::shared;
use serde_json::Value;

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn architectures_are_drawn_between_limits() {
    let program = Program::new();
    let limits = ["--min-parameters", "0.1", "--max-parameters", "0.11", "--max-gflops", "0.004", "--seed", "7"];
    let draw = |count: &str| program.output(&arguments(&["space", "--sample", count], &limits));
    let drawn = draw("12");
    let costs = values(&program.output_of(&["cost", "--arch", "-"], &drawn));
    assert_eq!(costs.len(), 12);
    for cost in &costs {
        let parameters = cost["parameters"]["total"].as_u64().unwrap();
        assert!((100_000..=110_000).contains(&parameters), "{parameters}");
        assert!(cost["gflops"].as_f64().unwrap() <= 0.004);
    }
    assert_eq!(draw("12"), drawn, "the same seed");
    assert!(drawn.starts_with(&draw("3")));
    let other = program.output(&["space", "--sample", "3", "--min-parameters", "0.1", "--seed", "8"]);
    assert!(!drawn.starts_with(&other));
    // Without limits it is as it was: draws that may repeat, each from the seed and its number alone.
    let one = ["space", "--set", "space.encoder_layer_num=[1]", "--sample", "3"];
    assert_eq!(program.output(&one).lines().count(), 3);
}

#[test]
fn limits_that_nothing_keeps_are_told() {
    let program = Program::new();
    for (limits, expected) in [
        (
            &["--min-parameters", "1000"][..],
            "0 of 5 architectures: no other was found with parameters ≥ 1000; ask for fewer",
        ),
        (&["--max-gflops", "-1"], "--max-gflops: expected a number, 0 or more"),
        (&["--min-gflops", "NaN"], "--min-gflops: expected a number"),
        (&["--min-gflops", "2", "--max-gflops", "1"], "--min-gflops: 2 is more than --max-gflops 1"),
        (&["--max-latency-ms", "3"], "--max-latency-ms: latency is predicted here: give --latency-profile"),
    ] {
        let message = program.refusal(&arguments(&["space", "--sample", "5"], limits), "");
        assert!(message.contains(expected), "{message}");
    }
    // Those that were found before stand on standard output: the largest, and what has as many parameters.
    let largest = values(&program.output_of(&["cost", "--arch", "-"], &program.output(&["space", "--largest"])));
    let most = largest[0]["parameters"]["total"].as_f64().unwrap() / 1e6;
    let output =
        program.command(&["space", "--sample", "1000000", "--min-parameters", &most.to_string()]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    let found = String::from_utf8(output.stdout).unwrap().lines().count();
    let expected = format!("{found} of 1000000 architectures: no other was found with parameters ≥ {most}");
    assert!(found > 0 && errors.contains(&expected), "{errors}");
}

/// HAT's space0.yml, of sizes for a test.
const SPACE: &str = "# model
arch: transformersuper_wmt_en_de
adam-betas: (0.9, 0.98)
lr: 1e-7
encoder-embed-dim: 64
qkv-dim: 32
encoder-embed-choice: [64, 32]
decoder-embed-choice: [64]
encoder-ffn-embed-dim-choice: [96, 48]
decoder-ffn-embed-dim-choice: [96]
encoder-layer-num-choice: [2]
decoder-layer-num-choice: [2, 1]
encoder-self-attention-heads-choice: [4, 2]
decoder-self-attention-heads-choice: [4]
decoder-ende-attention-heads-choice: [4]
decoder-arbitrary-ende-attn-choice: [-1, 1, 2]
";

#[test]
fn a_space_of_hat_is_described_and_drawn_from() {
    let program = Program::new();
    program.write("space0.yml", SPACE);
    let output = program.command(&["space", "--config", "space0.yml"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && errors.contains("other settings are not: adam-betas, arch, encoder-embed-dim, lr"),
        "{errors}"
    );
    let described: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Widths, then 4 choices for each of 2 encoder layers, and cross-attention in 2 or 1 decoder layers.
    assert_eq!(described["architectures"], (2 * 4 * 4 * (3 * 3 + 3)).to_string());
    assert_eq!(described["qkv_dim"], 32);
    let drawn = program.output(&["space", "--config", "space0.yml", "--sample", "3"]);
    assert!(!drawn.contains("n_experts"));
    let checked = program.output_of(&["space", "--config", "space0.yml", "--check", "-"], &drawn);
    assert_eq!(checked, "");
    program.write("broken.yml", &SPACE.replace("[96, 48]", "[96, 48"));
    let message = program.refusal(&["space", "--config", "broken.yml"], "");
    assert!(message.contains("broken.yml: not YAML: "), "{message}");
    program.write("odd.yml", &SPACE.replace("[4, 2]", "[4, 3]"));
    let message = program.refusal(&["space", "--config", "odd.yml"], "");
    assert!(
        message.contains("odd.yml as a config") && message.contains("3 heads do not divide qkv_dim = 32"),
        "{message}"
    );
}

#[test]
fn an_architecture_of_hat_costs_what_it_does_as_json() {
    let Some(folder) = shared("an architecture of HAT", "field/A01-reference-yaml") else { return };
    let program = Program::new();
    let cost = |name: &str| program.output(&["cost", "--config", "toy", "--arch", folder.join(name).to_str().unwrap()]);
    assert_eq!(cost("winner.yml"), cost("winner.json"));
    let yaml = std::fs::read_to_string(folder.join("winner.yml")).unwrap();
    assert_eq!(program.output_of(&["cost", "--config", "toy", "--arch", "-"], &yaml), cost("winner.json"));
}
