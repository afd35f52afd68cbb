//! Search spaces and architectures: in HAT's form.

use super::program::Program;
use crate::shared::shared;
use serde_json::Value;

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
