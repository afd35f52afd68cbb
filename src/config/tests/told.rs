//! What is told of mistakes in a config.

use super::*;

#[test]
fn unknown_keys_are_named_with_line_and_nearest_key() {
    let message = mistake("seed = 1\n\n[train]\nlr = 1.0\nmax_updaets = 3\n", &[]);
    assert_eq!(message, "x.toml:5: unknown key \"max_updaets\" in [train]; did you mean \"max_updates\"?");
    let message = mistake("[trian]\nlr = 1.0\n", &[]);
    assert_eq!(message, "x.toml:1: unknown key \"trian\"; did you mean \"train\"?");
    let message = mistake("update_freq = 1\n", &[]);
    assert_eq!(message, "x.toml:1: unknown key \"update_freq\"; did you mean \"train.update_freq\"?");
    let message = mistake("[train_architecture]\nwarmup = 1\n", &[]);
    assert_eq!(message, "x.toml:2: unknown key \"warmup\" in [train_architecture]; did you mean \"warmup_updates\"?");
    let message = mistake("[finetune]\nwarmup = 1\n", &[]);
    assert_eq!(message, "x.toml:2: unknown key \"warmup\" in [finetune]; did you mean \"warmup_updates\"?");
    let message = mistake("zzz = 1\n", &[]);
    let sections =
        "adapt, baseline, compare, cost, data, finetune, model, rank, run_dir, search, seed, space, and 3 more";
    assert_eq!(message, format!("x.toml:1: unknown key \"zzz\"; expected one of {sections}"));
    let message = mistake("[train]\nfoo = 1\n", &[]);
    let keys = "adam_betas, adam_eps, checkpoint_every, clip_norm, decoder_load_balance, distillation, encoder_load_balance, \
                keep_checkpoints, label_smoothing, log_every, lr, lr_schedule, and 16 more";
    assert_eq!(message, format!("x.toml:2: unknown key \"foo\" in [train]; expected one of {keys}"));
    let message = mistake("[model]\nmax_tokens = 1\n", &[]);
    let elsewhere = "\"search.max_tokens\" or \"train.max_tokens\" or \"translate.max_tokens\"";
    assert_eq!(message, format!("x.toml:2: unknown key \"max_tokens\" in [model]; did you mean {elsewhere}?"));
}

/// One line each, those of the file in its order, then those of `--set`.
#[test]
fn all_mistakes_are_told_at_once() {
    let text = "sed = 1\nmodel = []\n\n[train]\nlr = \"fast\"\nmax_updaets = 3\nlog_every = -1\n[[data]]\n\n\
        [space]\nencoder_embed_dim = [\n  64,\n  [48],\n]\ndecoder_embed_dim = 64\n\n[search]\nparents = 0\n";
    let found = mistake(text, &["train.lr=1", "seed=18446744073709551616", "foo=1", "search.parents=many", "train"]);
    let expected = [
        "x.toml:1: unknown key \"sed\"; did you mean \"seed\"?",
        "x.toml:2: model: expected a section, found a list",
        "x.toml:5: train.lr: expected a number, found string \"fast\"",
        "x.toml:6: unknown key \"max_updaets\" in [train]; did you mean \"max_updates\"?",
        "x.toml:7: train.log_every: expected a whole number, 0 or more, found integer `-1`",
        "x.toml:8: data: expected a section, found a list",
        "x.toml:11: space.encoder_embed_dim: expected a list of whole numbers",
        "x.toml:15: space.decoder_embed_dim: expected a list, found integer `64`",
        "--set seed=18446744073709551616: 18446744073709551616 is more than 63 bits",
        "--set foo=1: unknown key \"foo\"; expected one of adapt, baseline, compare, cost, data, finetune, model, rank, run_dir, search, \
         seed, space, and 3 more",
        "--set search.parents=many: expected a whole number, 0 or more, found string \"many\"",
        "--set train: expected section.key=value",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    // What is no number is not compared with one.
    let found =
        mistake("[train]\nlr = inf\nclip_norm = -nan\n[data]\nmax_length_ratio = inf\n", &["search.max_gflops=-inf"]);
    let expected = [
        "--set search.max_gflops=-inf: search.max_gflops: -inf is not a finite number",
        "x.toml:2: train.lr: inf is not a finite number",
        "x.toml:3: train.clip_norm: NaN is not a finite number",
        "x.toml:5: data.max_length_ratio: inf is not a finite number",
    ];
    let mut found: Vec<_> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    // Once all values are of their types, all that do not fit.
    let found = mistake("seed = 0\n[train]\nlr = 0\nsave_every = 0\n", &["search.parents=0", "train.save_every=1"]);
    let expected = [
        "x.toml:3: train.lr: 0 is not more than 0",
        "x.toml:2: train.min_lr: 0.0000001 is more than lr",
        "--set search.parents=0: search.parents: 0 is not between 1 and 125",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn wrong_types_are_named_with_line_key_and_expectation() {
    let message = mistake("[train]\nlr = 1.0\nmax_updates = \"many\"\n", &[]);
    assert_eq!(message, "x.toml:3: train.max_updates: expected a whole number, 0 or more, found string \"many\"");
    let message = mistake("[search]\npopulation = -5\n", &[]);
    assert_eq!(message, "x.toml:2: search.population: expected a whole number, 0 or more, found integer `-5`");
    let message = mistake("[space]\nencoder_n_experts = [[1], 2]\n", &[]);
    assert_eq!(
        message,
        "x.toml:2: space.encoder_n_experts: expected a list of whole numbers, or a list of such lists, one for each layer"
    );
    let message = mistake("[train]\nlr_schedule = \"linear\"\n", &[]);
    assert_eq!(message, "x.toml:2: train.lr_schedule: unknown variant `linear`, expected `cosine` or `inverse-sqrt`");
    let message = mistake("[search]\nalgorithm = \"annealing\"\n", &[]);
    assert_eq!(
        message,
        "x.toml:2: search.algorithm: unknown variant `annealing`, expected one of `evolution`, `random`, `nsga2`"
    );
    let message = mistake("[train]\nweights = \"mixed\"\n", &[]);
    assert_eq!(message, "x.toml:2: train.weights: unknown variant `mixed`, expected `shared` or `mixture`");
    let message = mistake("[search]\nalgorithm = 3\n", &[]);
    assert_eq!(message, "x.toml:2: search.algorithm: expected a string, found integer `3`");
    let message = mistake("train = 3\n", &[]);
    assert_eq!(message, "x.toml:1: train: expected a section, found integer `3`");
    let message = mistake("[data]\nlowercase = 1\n", &[]);
    assert_eq!(message, "x.toml:2: data.lowercase: expected true or false, found integer `1`");
    let message = mistake("[train]\nlr = { first = 1.0 }\n", &[]);
    assert_eq!(message, "x.toml:2: train.lr: expected a number, found a table");
    let message = mistake("[train]\n[train.lr]\nfirst = 1.0\n", &[]);
    assert_eq!(message, "x.toml:2: train.lr: expected a number, found a table");
    let message = mistake("[train]\nlr.first = 1.0\n", &[]);
    assert_eq!(message, "x.toml:2: train.lr: expected a number, found a table");
    let message = mistake("[space]\nencoder_n_experts = [[1], [9223372036854775808]]\n", &[]);
    assert_eq!(message, "x.toml:2: space.encoder_n_experts: 9223372036854775808 is more than 63 bits");
}

#[test]
fn text_that_is_not_toml_is_named_with_its_line() {
    let message = mistake("seed = 1\nrun_dir = \n", &[]);
    assert!(message.starts_with("x.toml:2: "), "{message}");
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn values_that_do_not_fit_are_named_with_their_line() {
    let message = mistake("[search]\npopulation = 10\nparents = 11\n", &[]);
    assert_eq!(message, "x.toml:3: search.parents: 11 is not between 1 and 10");
    let message = mistake("[data]\njoined_vocabulary = false\n", &[]);
    assert_eq!(
        message,
        "x.toml: model.share_all_embeddings: one table needs one vocabulary: set data.joined_vocabulary = true, or this to false"
    );
    let message = mistake("[space]\nencoder_self_attention_heads = [8, 3]\n", &[]);
    assert_eq!(message, "x.toml:2: space.encoder_self_attention_heads: 3 heads do not divide qkv_dim = 512");
    let message = mistake("[train_architecture]\nlr = 0\nupdate_freq = 0\n", &[]);
    let faults: Vec<&str> = message.lines().collect();
    assert_eq!(faults.len(), 3, "{message}");
    assert_eq!(faults[0], "x.toml:3: train_architecture.update_freq: must be 1 or more");
    assert!(faults.contains(&"x.toml:2: train_architecture.lr: 0 is not more than 0"), "{message}");
    let message = mistake("[train]\ndistillation = 0.5\n", &[]);
    assert_eq!(
        message,
        "x.toml:2: train.distillation: needs the largest architecture in every update: set train.sampling = \"sandwich\", or this to 0"
    );
    let message = mistake("[translate]\naverage_checkpoints = 20\n", &[]);
    assert_eq!(message, "x.toml:2: translate.average_checkpoints: 20 are more than train.keep_checkpoints = 10");
}

#[test]
fn mistakes_in_overrides_are_named_as_such() {
    assert_eq!(
        mistake("", &["train.max_updaets=100"]),
        "--set train.max_updaets=100: unknown key \"max_updaets\" in [train]; did you mean \"max_updates\"?"
    );
    assert_eq!(mistake("", &["trian.lr=1"]), "--set trian.lr=1: unknown key \"trian\"; did you mean \"train\"?");
    assert_eq!(mistake("", &["train=1"]), "--set train=1: train is a section: expected train.key=value");
    assert_eq!(mistake("", &["train.lr"]), "--set train.lr: expected section.key=value");
    assert_eq!(mistake("", &["train.lr=fast"]), "--set train.lr=fast: expected a number, found string \"fast\"");
    assert_eq!(
        mistake("", &["search.parents=200"]),
        "--set search.parents=200: search.parents: 200 is not between 1 and 125"
    );
}

#[test]
fn numbers_that_toml_cannot_hold_are_refused() {
    let number = "9223372036854775808";
    for key in [
        "seed",
        "train.warmup_updates",
        "train_architecture.warmup_updates",
        "model.dropout",
        "space.encoder_n_experts",
    ] {
        let value = if key.starts_with("space") { format!("[1, {number}]") } else { number.into() };
        let message = mistake(&format!("\n{key} = {value}\n"), &[]);
        assert_eq!(message, format!("x.toml:2: {key}: {number} is more than 63 bits"));
        let option = format!("{key}={value}");
        assert_eq!(mistake("", &[&option]), format!("--set {option}: {number} is more than 63 bits"));
    }
    let train = TrainConfig { warmup_updates: usize::MAX, ..TrainConfig::default() };
    let error = train.with(&TrainOverrides::default()).unwrap_err().to_string();
    assert_eq!(error, "a number here, in [train_architecture] or in [finetune] is more than 63 bits");
}
