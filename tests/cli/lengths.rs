//! Sentences that are blank, or longer than a batch or a model takes.

use super::program::{Program, arguments};
use serde_json::Value;

/// A space of a few tiny models, over text of one's own.
pub const SMALL: &str = r#"
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

#[test]
fn what_config_device_and_lengths_tell_is_told_before_the_first_update() {
    let program = program(&format!("ab ca\n{}\n", "ab ".repeat(1024)));
    let half = arguments(&RUN, &["--set", "train_architecture.precision=float16"]);
    let message = program.refusal_after_start(&half);
    assert!(
        message.contains("train_architecture.precision = \"float16\": this device does not compute in it"),
        "{message}"
    );

    let long = ["--set", "train_architecture.max_tokens=3", "--set", "search.max_tokens=2"];
    let message = program.refusal_after_start(&arguments(&RUN, &long));
    for part in [
        "training pair 1 of those kept has ",
        "more than train_architecture.max_tokens = 3 (as have 39 others): raise train_architecture.max_tokens to ",
        ", or set data.max_length = 2",
        "validation pair 1 (line 1 of \"valid\") has ",
        "more than search.max_tokens = 2 (as has one other): raise search.max_tokens to ",
        "test pair 2 (line 2 of \"test\") has 1025 source subwords (eos included), more than the 1024 positions",
        "or set data.skip_long = true",
    ] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
    assert!(!program.files().iter().any(|file| file.contains("supernet") || file.contains("metrics")));

    // Each command finds out about its own part.
    let train = ["train", "--config", "small.toml"];
    let message = program.refusal_after_start(&arguments(&train, &["--set", "train.max_tokens=3"]));
    assert!(message.contains("more than train.max_tokens = 3") && !message.contains("search"), "{message}");
    program.output(&arguments(&train, &long));
    let message = program.refusal_after_start(&arguments(&["search", "--config", "small.toml"], &long));
    assert!(message.contains("more than search.max_tokens = 2") && !message.contains("train_arch"), "{message}");
    let largest = program.output(&["space", "--config", "small.toml", "--largest"]);
    program.write("largest.json", &largest);
    let message = program.refusal_after_start(&arguments(&train, &arguments(&["--arch", "largest.json"], &long)));
    assert!(message.contains("more than train_architecture.max_tokens = 3"), "{message}");
    let inherit = ["--run-dir", "runs/other", "--arch", "largest.json", "--inherit", "runs/small/supernet", "--set"];
    let message = program.refusal_after_start(&arguments(&train, &arguments(&inherit, &["finetune.max_tokens=3"])));
    assert!(message.contains("more than finetune.max_tokens = 3"), "{message}");
    // What has begun with these weights goes on as it was begun.
    let begun = arguments(&train, &arguments(&inherit, &["finetune.max_updates=2"]));
    program.output(&begun);
    let longer = ["--set", "finetune.max_updates=4", "--set", "finetune.label_smoothing=0.0"];
    let message = program.refusal_after_start(&arguments(&begun, &longer));
    assert!(message.contains("now label_smoothing = 0.0 (before: 0.1); set [finetune] back"), "{message}");
    program.output(&arguments(&begun, &longer[..2]));
}

#[test]
fn a_test_sentence_beyond_all_positions_is_an_empty_line_where_that_is_asked_for() {
    let program = program(&format!("ab ba a ca\n{}\nab ba abc ca\n", "ab ".repeat(1024)));
    let skip = arguments(&RUN, &["--set", "data.skip_long=true"]);
    let output = program.command(&skip).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let told: Vec<&str> = errors.lines().filter(|line| line.contains("its translation is an empty line")).collect();
    assert_eq!(told.len(), 1, "{errors}");
    assert!(told[0].contains("test pair 2 (line 2 of \"test\")"), "{errors}");
    let [run, scored] = scores(&program, &skip, &["--skip-long"]);
    assert_eq!(run, scored);
}

#[test]
fn a_long_validation_pair_is_named_or_left_out() {
    let program = program("ab ca\n");
    let text = format!("ab ba a ca\n{}\n", "ab ca ".repeat(80));
    program.write("valid.xx", &text);
    program.write("valid.yy", &text);
    let message = program.refusal_after_start(&RUN);
    for part in ["validation pair 2 (line 2 of \"valid\") has ", "more than train.max_tokens = 64", "data.skip_long"] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
    // The least of all keys counts for all phases, and may be another where trials were not measured yet.
    let skip = ["--set", "data.skip_long=true"];
    for command in ["train", "search", "run"] {
        let output = program.command(&arguments(&[command, "--config", "small.toml"], &skip)).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{command}: {errors}");
        assert!(
            errors.contains("1 of 2 validation pairs are longer than train.max_tokens = 64 and left out"),
            "{errors}"
        );
    }
    let others = ["--set", "train.max_tokens=4096", "--run-dir", "runs/b"];
    let train = arguments(&["train", "--config", "small.toml"], &others);
    program.output(&train);
    let search = arguments(&["search", "--config", "small.toml"], &others);
    program.output(&search);
    let less = arguments(&search, &["--set", "search.max_tokens=24", "--set", "data.skip_long=true"]);
    let message = program.refusal_after_start(&less);
    assert!(message.contains("these trials were measured on all validation pairs, not on 1"), "{message}");
    // Nor does a training compare losses of one set with those of another.
    program.write("valid.xx", &format!("{text}ab ba\n"));
    program.write("valid.yy", &format!("{text}ab ba\n"));
    let skip_in_d = arguments(&arguments(&["train", "--config", "small.toml", "--run-dir", "runs/d"], &skip), &[]);
    program.output(&skip_in_d);
    let longer = ["--set", "search.max_tokens=4", "--set", "train.max_updates=120"];
    let message = program.refusal_after_start(&arguments(&skip_in_d, &longer));
    assert!(message.contains("its best loss is one of 2 validation pairs, and now there are 1"), "{message}");
    program.output(&arguments(&skip_in_d, &longer[2..]));
    // Beyond the positions of models, batches do not help.
    let text = "ab ba a ca\n".to_owned() + &"ab ".repeat(1100) + "\n";
    program.write("valid.xx", &text);
    program.write("valid.yy", &text);
    let wide = ["train", "--config", "small.toml", "--set", "train.max_tokens=4096", "--run-dir", "runs/c"];
    let message = program.refusal_after_start(&wide);
    assert!(message.contains("1101 source and 1101 target subwords (eos included), more than the 1024"), "{message}");
    assert!(message.contains("shorten it, or set data.skip_long = true"), "{message}");
    program.output(&arguments(&wide, &skip));
    program.write("train.xx", &text);
    program.write("train.yy", &text);
    let message = program.refusal_after_start(&arguments(&wide, &["--set", "data.max_length=0"]));
    assert!(
        message.contains("training pair 2 of those kept") && message.contains("data.max_length = 1023"),
        "{message}"
    );
}
