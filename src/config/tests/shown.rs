//! Settings, keys and new configs as people read them.

use super::*;
use crate::config::keys::{Keys, dotted};
use crate::config::mistakes::OVERRIDES;
use crate::config::said;
use serde_json::json;

fn loaded(text: &str, overrides: &[&str]) -> (TempDir, String, Loaded) {
    let (folder, path) = file(text);
    let overrides: Vec<_> = overrides.iter().map(|option| option.to_string()).collect();
    let loaded = Loaded::find(&path, &overrides).unwrap();
    (folder, path, loaded)
}

#[test]
fn each_value_is_shown_with_what_gave_it() {
    let text = "seed = 3\n\n[train]\nlr = 0.5\nmax_updates = 7\n[train_architecture]\nlog_every = 5\n\
                [finetune]\nlabel_smoothing = 0.3\n";
    let (_folder, path, loaded) =
        loaded(text, &["train.max_updates=8", "train.max_updates = 9", "data.source_lang=fr"]);
    let shown = loaded.shown().unwrap();
    let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        format!("seed = 3 # {path}:1"),
        "run_dir = \"runs/x\" # default".into(),
        "source_lang = \"fr\" # --set data.source_lang=fr".into(),
        format!("lr = 0.5 # {path}:4"),
        "max_updates = 9 # --set train.max_updates = 9".into(),
        "min_lr = 0.0000001 # default".into(),
        format!("log_every = 5 # {path}:7"),
        "log_every = 50 # default".into(),
        "#lr = 0.5 # train.lr".into(),
        "#log_every = 5 # train_architecture.log_every".into(),
        format!("label_smoothing = 0.3 # {path}:9"),
        "#max_updates = 9 # train.max_updates".into(),
        "encoder_embed_dim = [640, 512] # default".into(),
        "max_gflops = 0.0 # default".into(),
    ] {
        assert!(lines.contains(&expected), "{expected} is not in\n{shown}");
    }
    assert_eq!(loaded.origin("train.lr"), Some(format!("{path}:4").as_str()));
    assert_eq!(loaded.origin("train.min_lr"), None);
}

/// What is shown, and what is written for a beginning, is a config of the same settings: every key is there.
#[test]
fn what_is_shown_and_what_is_begun_with_load_as_the_same_settings() {
    for (name, _) in BUILT_IN {
        let loaded = Loaded::find(name, &["train_architecture.lr=0.5".into()]).unwrap();
        let (_folder, path) = file(&loaded.shown().unwrap());
        assert_eq!(Config::load(&path).unwrap(), loaded.config, "{name}");
        let begun = loaded.clone().commented("x", "x.schema.json").unwrap();
        assert!(begun.starts_with("#:schema ./x.schema.json\n# Settings of a run. "), "{begun}");
        let without_marks: String = begun
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with([' ', ':']) => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let expected = Config { run_dir: "runs/x".into(), ..loaded.config.clone() };
        for text in [&begun, &without_marks] {
            let (_folder, path) = file(text);
            assert_eq!(Config::load(&path).unwrap(), expected, "{name}");
        }
        let keys = Keys::all();
        for section in keys.sections().filter(|section| !OVERRIDES.contains(section)) {
            let (_, of_section) = without_marks.split_once(&format!("\n[{section}]\n")).unwrap();
            let of_section = of_section.split("\n[").next().unwrap();
            for key in keys.of(section).unwrap().keys() {
                assert!(of_section.contains(&format!("\n{key} = ")), "{section}.{key}");
            }
        }
    }
}

#[test]
fn a_beginning_has_a_word_on_each_key_and_marks_defaults() {
    let (_folder, _, loaded) = loaded("[search]\npopulation = 9\nparents = 2\n[train_architecture]\nlr = 1\n", &[]);
    let begun = loaded.commented("mine", "mine.schema.json").unwrap();
    for expected in [
        "\n# The run directory; default `runs/<config name>`.\n#run_dir = \"runs/mine\"\n",
        "\n# Size of the population.\npopulation = 9  # default: 125\n",
        "\n# Mutants in a generation.\n#mutations = 50\n",
        "\n# Beam search.\n[translate]\n",
        "\n[train_architecture]\nlr = 1.0\n\n",
    ] {
        assert!(begun.contains(expected), "{expected} is not in\n{begun}");
    }
    assert!(begun.lines().all(|line| line.chars().count() <= 120), "{begun}");
}

#[test]
fn a_given_run_directory_is_begun_with_and_no_other() {
    let begun = |text: &str, options: &[&str]| {
        let (_folder, _, loaded) = loaded(text, options);
        loaded.commented("mine", "mine.schema.json").unwrap()
    };
    assert!(begun("run_dir = \"runs/theirs\"\n", &[]).contains("\n#run_dir = \"runs/mine\"\n"));
    assert!(begun("", &["run_dir=elsewhere"]).contains("\nrun_dir = \"elsewhere\""));
}

#[test]
fn a_runs_own_directory_is_where_its_config_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "run_dir = \"runs/original\"\n").unwrap();
    std::fs::write(folder.path().join("manifest.json"), "{}").unwrap();
    let loaded = Loaded::find(&path.to_string_lossy(), &[]).unwrap();
    assert_eq!(loaded.origin("run_dir"), path.to_str());
}

#[test]
fn keys_are_explained() {
    let explained = |key: &str| explain(key).unwrap();
    assert_eq!(
        explained("search.population"),
        "search.population\nSize of the population.\n\n\
         type             whole number\n\
         range            between 1 and 10000000\n\
         default          125\n\
         in toy           24\n\
         in multi30k      40\n"
    );
    for (key, rows) in [
        (
            "seed",
            &[
                "type             whole number",
                "range            between 0 and 9223372036854775807",
                "default          1",
            ][..],
        ),
        ("run_dir", &["type             text", "default          runs/<name of the config>"]),
        ("data.corpus", &["type             \"files\" or \"toy\"", "in toy           \"toy\""]),
        (
            "data.toy_pairs",
            &["type             list of 3, each whole number", "range            between 1 and 10000000"],
        ),
        ("data.train", &["type             list, each text", "default          [\"train\"]"]),
        ("data.dir", &["in wmt14-en-de   \"data/wmt14.en-de\""]),
        (
            "space.encoder_n_experts",
            &[
                "type             list, each whole number, or a list of such lists, one for each layer",
                "range            between 0 and 1024",
            ],
        ),
        ("space.encoder_embed_dim", &["range            a multiple of 2 between 4 and 65536"]),
        (
            "space.decoder_arbitrary_ende_attn",
            &["type             list, each -1 or 1 or 2, or a list of such lists, one for each layer"],
        ),
        ("model.dropout", &["range            0 or more and less than 1"]),
        ("train.lr", &["type             number", "range            more than 0", "default          0.001"]),
        ("train.lr_schedule", &["type             \"cosine\" or \"inverse-sqrt\""]),
        ("train_architecture.lr", &["range            more than 0", "default          that of train.lr"]),
        ("finetune.lr", &["range            more than 0", "default          that of train_architecture.lr"]),
        ("search.max_gflops", &["default          0.0", "in wmt14-en-de   3.0 (the paper's)"]),
    ] {
        let text = explained(key);
        assert!(rows.iter().all(|row| text.lines().any(|line| line == *row)), "{text}");
    }
    let rows = json!([{"kind": "moe", "experts": 2, "every": 0, "name": "", "own_supernet": false}, 3]);
    assert_eq!(said(rows), json!([{"kind": "moe", "experts": 2}, 3]));
    assert_eq!(said(json!(0)), json!(0));
    let rows = explained("compare");
    assert!(
        rows.starts_with("[[compare]]\nWhat else it trains beside the winner.\n\nkind ")
            && rows.contains("own_supernet")
    );
    let kind = explained("compare.kind");
    assert!(
        kind.ends_with("type             \"dense\" or \"moe\" or \"dense-search\" or \"random-search\"\n"),
        "{kind}"
    );
    let section = explained("translate");
    assert!(
        section.starts_with("[translate]\nBeam search.\n\nbeam                 Hypotheses kept for each sentence.\n"),
        "{section}"
    );
}

#[test]
fn every_key_can_be_explained() {
    let keys = Keys::all();
    for section in std::iter::once("").chain(keys.sections()) {
        for (name, schema) in keys.of(section).unwrap() {
            let text = explain(&dotted(section, name)).unwrap();
            assert!(text.contains(schema["description"].as_str().unwrap()), "{text}");
        }
    }
}

#[test]
fn near_keys_are_suggested() {
    for (key, expected) in [
        ("population", "unknown key \"population\"; did you mean \"search.population\"?"),
        (
            "max_tokens",
            "unknown key \"max_tokens\"; did you mean \"train.max_tokens\" or \"search.max_tokens\" or \"translate.max_tokens\"?",
        ),
        ("search.popluation", "unknown key \"popluation\" in [search]; did you mean \"population\"?"),
        ("serch.population", "unknown key \"serch\"; did you mean \"search\"?"),
        ("compare.experst", "unknown key \"experst\" in [[compare]]; automoe config --explain compare lists its keys"),
        ("seed.first", "\"seed\" is a key, and no section"),
        ("search.beam", "unknown key \"beam\" in [search]; did you mean \"translate.beam\"?"),
        ("search.foo", "unknown key \"foo\" in [search]; automoe config --explain search lists its keys"),
        (
            "foo",
            "unknown key \"foo\"; expected one of seed, run_dir, data, space, model, train, adapt, train_architecture, finetune, \
             search, rank, translate, cost, baseline, compare, report",
        ),
    ] {
        let error = explain(key).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (2, expected.to_string()));
    }
}
