//! What is said about configs that cannot be used.

use super::*;
use crate::config::keys::{Keys, dotted};
use crate::config::mistakes::OVERRIDES;
use serde_json::Value;

/// What the top level of a config has.
const SECTIONS: &str = "seed, run_dir, data, space, model, train, adapt, train_architecture, finetune, search, rank, translate, \
                        cost, baseline, compare, report";
const NOT_FINITE: &str = "expected a number that is neither infinite nor NaN";

#[test]
fn unknown_keys_are_named_with_line_and_nearest_key() {
    let message = mistake("seed = 1\n\n[train]\nlr = 1.0\nmax_updaets = 3\n", &[]);
    assert_eq!(message, "x.toml:5: unknown key \"max_updaets\" in [train]; did you mean \"max_updates\"?");
    let message = mistake("[trian]\nlr = 1.0\n", &[]);
    assert_eq!(message, "x.toml:1: unknown key \"trian\"; did you mean \"train\"?");
    let message = mistake("update_freq = 1\n", &[]);
    assert_eq!(message, "x.toml:1: unknown key \"update_freq\"; did you mean \"train.update_freq\"?");
    for section in OVERRIDES {
        let message = mistake(&format!("[{section}]\nwarmup = 1\n"), &[]);
        assert_eq!(
            message,
            format!("x.toml:2: unknown key \"warmup\" in [{section}]; did you mean \"warmup_updates\"?")
        );
    }
    let message = mistake("zzz = 1\n", &[]);
    assert_eq!(message, format!("x.toml:1: unknown key \"zzz\"; expected one of {SECTIONS}"));
    let message = mistake("[train]\nfoo = 1\n", &[]);
    assert_eq!(message, "x.toml:2: unknown key \"foo\" in [train]; automoe config --explain train lists its keys");
    let message = mistake("[model]\nmax_tokens = 1\n", &[]);
    let elsewhere = "\"train.max_tokens\" or \"search.max_tokens\" or \"translate.max_tokens\"";
    assert_eq!(message, format!("x.toml:2: unknown key \"max_tokens\" in [model]; did you mean {elsewhere}?"));
}

/// One line each, those of the file in its order, then those of `--set`.
#[test]
fn all_mistakes_are_told_at_once() {
    let text = "sed = 1\nmodel = []\n\n[train]\nlr = \"fast\"\nmax_updaets = 3\nlog_every = -1\n[[data]]\n\n\
        [space]\nencoder_embed_dim = [\n  64,\n  [48],\n]\ndecoder_embed_dim = 64\n\n[search]\nparents = 0\n";
    let found = mistake(text, &["train.lr=1", "seed=18446744073709551616", "foo=1", "search.parents=many", "train"]);
    let unknown = format!("--set foo=1: unknown key \"foo\"; expected one of {SECTIONS}");
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
        &unknown,
        "--set search.parents=many: expected a whole number, 0 or more, found string \"many\"",
        "--set train: expected section.key=value",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    // What is no number is not compared with one.
    let found =
        mistake("[train]\nlr = inf\nclip_norm = -nan\n[data]\nmax_length_ratio = inf\n", &["search.max_gflops=-inf"]);
    let mut found: Vec<_> = found.lines().collect();
    found.sort_unstable();
    let not_finite = |place: &str, key: &str| format!("{place}: {key}: {NOT_FINITE}");
    let expected = [
        not_finite("--set search.max_gflops=-inf", "search.max_gflops"),
        not_finite("x.toml:2", "train.lr"),
        not_finite("x.toml:3", "train.clip_norm"),
        not_finite("x.toml:5", "data.max_length_ratio"),
    ];
    assert_eq!(found, expected);
    // Once all values are of their types, all that do not fit.
    let found = mistake("seed = 0\n[train]\nlr = 0\nsave_every = 0\n", &["search.parents=0", "train.save_every=1"]);
    let expected = [
        "x.toml:3: train.lr: 0 is not more than 0",
        "x.toml:2: train.min_lr: 0.0000001 is more than lr",
        "--set search.parents=0: search.parents: 0 is not 1 or more",
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
    assert_eq!(message, "x.toml:3: search.parents: 11 is more than search.population = 10");
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
    assert_eq!(faults[0], "x.toml:3: train_architecture.update_freq: 0 is not 1 or more");
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
    // A name that is none is no section either.
    let message = mistake("[\"\"]\nseed = 2\n", &[]);
    assert!(message.starts_with("x.toml:1: unknown key \"\"; expected one of seed, "), "{message}");
    assert_eq!(mistake("", &["train=1"]), "--set train=1: train is a section: expected train.key=value");
    assert_eq!(mistake("", &["train.lr"]), "--set train.lr: expected section.key=value");
    assert_eq!(mistake("", &["train.lr=fast"]), "--set train.lr=fast: expected a number, found string \"fast\"");
    assert_eq!(
        mistake("", &["search.parents=200"]),
        "--set search.parents=200: search.parents: 200 is more than search.population = 125"
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

/// What a key of this schema expects, and whether a value of `kind` is that.
fn expectation(schema: &Value, kind: &str) -> (&'static str, bool) {
    match schema["type"].as_str() {
        Some("object") => ("a section", kind == "table"),
        Some("boolean") => ("true or false", kind == "boolean"),
        Some("integer") => ("a whole number, 0 or more", kind == "integer"),
        Some("number") => ("a number", ["integer", "float"].contains(&kind)),
        Some("string") => ("a string", kind == "string"),
        Some("array") | None => ("a list", kind == "list"),
        Some(other) => panic!("{other}"),
    }
}

fn each_key(mut check: impl FnMut(&str, &str, &Value)) {
    let keys = Keys::all();
    for section in std::iter::once("").chain(keys.sections()) {
        for (name, schema) in keys.of(section).unwrap() {
            check(section, name, schema);
        }
    }
}

/// What `wrong` values (key, value, what is said) are answered with, in a file and with `--set`; as many at once as are told.
fn assert_refused(wrong: &[(String, &str, String)]) {
    for wrong in wrong.chunks(12) {
        let options: Vec<_> = wrong.iter().map(|(key, value, _)| format!("{key}={value}")).collect();
        let found = mistake(&(options.join("\n") + "\n"), &[]);
        let lines = wrong.iter().enumerate();
        let expected = lines.map(|(line, (key, _, message))| format!("x.toml:{}: {key}: {message}", line + 1));
        assert_eq!(found.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let found = mistake("", &options.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = options.iter().zip(wrong).map(|(option, (_, _, message))| format!("--set {option}: {message}"));
        assert_eq!(found.lines().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn every_key_refuses_values_of_another_type() {
    let mut wrong = Vec::new();
    for (value, kind, found) in [
        ("\"x\"", "string", "string \"x\""),
        ("-7", "integer", "integer `-7`"),
        ("0x8000000000000000", "integer", "integer `0x8000000000000000`"),
        ("1.5", "float", "floating point `1.5`"),
        ("nan", "float", "floating point `nan`"),
        ("true", "boolean", "boolean `true`"),
        ("1979-05-27", "date", "date `1979-05-27`"),
        ("[1]", "list", "a list"),
        ("{ a = 1 }", "table", "a table"),
    ] {
        each_key(|section, name, schema| {
            let (expected, is_right) = expectation(schema, kind);
            let message = format!("expected {expected}, found {found}");
            match (is_right, expected == "a section") {
                (true, _) => {}
                (false, true) => {
                    assert_eq!(mistake(&format!("\n{name} = {value}"), &[]), format!("x.toml:2: {name}: {message}"))
                }
                (false, false) => wrong.push((dotted(section, name), value, message)),
            }
        });
    }
    assert!(wrong.len() > 500, "{}", wrong.len());
    assert_refused(&wrong);
    // A name that is none is no section either.
    let message = mistake("[\"\"]\nseed = 2\n", &[]);
    assert!(message.starts_with("x.toml:1: unknown key \"\"; expected one of seed, "), "{message}");
    assert_eq!(mistake("", &["train=1"]), "--set train=1: train is a section: expected train.key=value");
}

#[test]
fn every_number_is_finite_and_within_63_bits() {
    let mut wrong = Vec::new();
    for value in ["9223372036854775808", "18446744073709551616", "-9223372036854775809"] {
        each_key(|section, name, schema| {
            if schema["type"] == "integer" || schema["type"] == "number" {
                wrong.push((dotted(section, name), value, format!("{value} is more than 63 bits")));
            }
        });
    }
    assert_refused(&wrong);
    for value in ["inf", "-inf", "nan"] {
        each_key(|section, name, schema| {
            if schema["type"] == "number" {
                let key = dotted(section, name);
                let message = mistake(&format!("{key} = {value}\n"), &[]);
                assert_eq!(message.lines().next().unwrap(), format!("x.toml:1: {key}: {NOT_FINITE}"));
            }
        });
    }
    assert_eq!(mistake("train.lr = 1e999\n", &[]), "x.toml:1: train.lr: floating-point number overflowed");
}

#[test]
fn lists_are_as_long_as_they_should_be_and_of_one_type() {
    for (value, expected) in [
        ("data.toy_pairs = [1, 2]", "expected a list of 3, found a list of 2"),
        ("data.toy_pairs = [1, 2, 3, 4]", "expected a list of 3, found a list of 4"),
        ("data.toy_pairs = [1, 2, 0.5]", "expected a whole number, 0 or more, found floating point `0.5`"),
        ("data.toy_pairs = [1, 2, -3]", "expected a whole number, 0 or more, found integer `-3`"),
        ("train.adam_betas = [0.9, 0.98, 0.99]", "expected a list of 2, found a list of 3"),
        ("train.adam_betas = [0.9, nan]", NOT_FINITE),
        ("train.adam_betas = [0.9, 1]", "1 is not 0 or more and less than 1"),
        ("data.train = [\"a\", [\"b\"]]", "expected a string, found a list"),
        ("data.train = [{ name = \"a\" }]", "expected a string, found a table"),
        ("data.train = [1979-05-27]", "1979-05-27 is a date, which no list here has"),
        ("space.encoder_embed_dim = [[64]]", "expected a list of whole numbers"),
        ("space.encoder_n_experts = [-1]", "expected whole numbers, 0 or more, found -1"),
        ("space.decoder_arbitrary_ende_attn = [-2]", "-2 is not -1, 1 or 2"),
    ] {
        let (key, _) = value.split_once(" =").unwrap();
        assert_eq!(mistake(&format!("{value}\n"), &[]), format!("x.toml:1: {key}: {expected}"));
    }
}

#[test]
fn options_that_name_no_key_are_told() {
    for (option, expected) in [
        ("train.lr.first=1", "unknown key \"lr.first\" in [train]; automoe config --explain train lists its keys"),
        ("seed.x=1", "seed is no section: expected seed=value"),
        ("=1", format!("unknown key \"\"; expected one of {SECTIONS}").as_str()),
        ("train.=1", "unknown key \"\" in [train]; automoe config --explain train lists its keys"),
    ] {
        assert_eq!(mistake("", &[option]), format!("--set {option}: {expected}"));
    }
}

/// The lines of a text that the user never sees are of no use.
#[test]
fn what_was_converted_is_told_without_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("space.yml");
    std::fs::write(&path, "converted").unwrap();
    for (text, expected) in [
        ("\n[space]\nencoder_n_experts = 1\n", "space.encoder_n_experts: expected a list, found integer `1`"),
        ("\n[model]\ndropout = 2\n", "model.dropout: 2 is not 0 or more and less than 1"),
    ] {
        let error = Loaded::converted(&path, |_| Ok(text.into()), &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{} as a config: {expected}", path.display()));
    }
}
