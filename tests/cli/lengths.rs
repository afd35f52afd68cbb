//! Sentences that are blank.

use super::program::{Program, arguments};
use serde_json::Value;

/// A space of a few tiny models, over text of one's own.
const SMALL: &str = r#"
seed = 1
[data]
corpus = "files"
dir = "."
source_lang = "xx"
target_lang = "yy"
test = ["test"]
max_length_ratio = 0.0
vocab_size = 40
[space]
encoder_embed_dim = [16]
decoder_embed_dim = [16]
encoder_layer_num = [1]
decoder_layer_num = [1]
encoder_ffn_embed_dim = [16]
decoder_ffn_embed_dim = [16]
encoder_self_attention_heads = [2]
decoder_self_attention_heads = [2]
decoder_ende_attention_heads = [2]
decoder_arbitrary_ende_attn = [-1]
encoder_n_experts = [1, 2]
decoder_n_experts = [1, 2]
[model]
qkv_dim = 16
dropout = 0.0
attention_dropout = 0.0
[train]
max_updates = 80
max_tokens = 64
update_freq = 1
lr = 1e-2
warmup_updates = 8
validate_every = 40
validate_random = 0
checkpoint_every = 0
[search]
population = 4
parents = 2
mutations = 1
crossovers = 1
generations = 1
[translate]
beam = 2
max_len_b = 12
average_checkpoints = 0
[baseline]
embed_dim = 0
"#;

const RUN: [&str; 3] = ["run", "--config", "small.toml"];

/// A folder with `small.toml`, 40 training pairs, validation pairs and these test sources.
fn program(test: &str) -> Program {
    let program = Program::new();
    program.write("small.toml", SMALL);
    let text: String = (0..40).map(|i| format!("ab ba {} ca\n", ["a", "ab", "abc", "cab"][i % 4])).collect();
    for (name, text) in [("train", text.as_str()), ("valid", "ab ba a ca\nab ba ab ca\n"), ("test", test)] {
        program.write(&format!("{name}.xx"), text);
        program.write(&format!("{name}.yy"), text);
    }
    program
}

/// BLEU and chrF of the winner as `run` has them, and as `translate | score` has them.
fn scores(program: &Program, run: &[&str], translate: &[&str]) -> [[f64; 2]; 2] {
    let results: Value = serde_json::from_str(&program.output(&arguments(run, &["--json"]))).unwrap();
    let winner = &results["rows"][1];
    let translate = arguments(&["translate", "--checkpoint", "runs/small/models/winner"], translate);
    let source = std::fs::read_to_string(program.folder().join("test.xx")).unwrap();
    let translated = program.output_of(&translate, &source);
    assert_eq!(translated.lines().count(), source.lines().count());
    let scored = program.output_of(&["score", "--reference", "test.yy", "--json"], &translated);
    let scored = scored.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["score"].as_f64().unwrap());
    let of = |key: &str| winner[key].as_f64().unwrap();
    [[of("bleu"), of("chrf")], scored.collect::<Vec<_>>().try_into().unwrap()]
}

#[test]
fn a_blank_test_line_counts_as_in_translate_and_score() {
    let program = program("ab ba a ca\n\nab ba abc ca\n \nab ba cab ca\n");
    let [run, scored] = scores(&program, &RUN, &[]);
    assert_eq!(run, scored);
    assert!(run[1] > 30.0, "nothing is translated: {run:?}");
}
