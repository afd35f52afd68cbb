use super::*;
use crate::catalog::{COSTS, WEIGHT_SHARING};
use crate::space::{Architecture, Choices, Space, SpaceConfig};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A config file of this text, and the folder that holds it.
fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path.to_string_lossy().into_owned())
}

/// The message about a config of this text, without the folder's name.
fn mistake(text: &str, overrides: &[&str]) -> String {
    let (folder, path) = file(text);
    let overrides: Vec<_> = overrides.iter().map(|option| option.to_string()).collect();
    let error = Config::load_with(&path, &overrides).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let folder = format!("{}/", folder.path().display());
    error.to_string().replace(&folder, "")
}

/// A `[train_architecture]` of this text.
fn overrides(text: &str) -> TrainOverrides {
    toml::from_str(text).unwrap()
}

#[test]
fn built_in_configs_load_and_hold_a_space() {
    for (name, text) in BUILT_IN {
        let config = Config::load(name).unwrap();
        assert_eq!(config.run_dir, Path::new("runs").join(name));
        config.validate().unwrap();
        let space = config.space().unwrap();
        assert_eq!(space.contains(&space.supernet()), Ok(()), "{name}");
        // Named like the files, so that a config in the working directory is the same one.
        assert!(text.starts_with('#'), "{name}");
    }
}

#[test]
fn resolved_configs_come_back() {
    for (name, _) in BUILT_IN {
        let config = Config::load(name).unwrap();
        let (_folder, path) = file(&config.to_toml().unwrap());
        assert_eq!(Config::load(&path).unwrap(), config, "{name}");
    }
}

#[test]
fn defaults_are_the_papers_wmt14_en_de() {
    let mut config = Config::load("wmt14-en-de").unwrap();
    config.run_dir = PathBuf::new();
    config.data.dir = "data".into();
    config.data.test = Vec::new();
    assert_eq!(config.search.limits["gflops"], 3.0);
    config.search.limits["gflops"] = 0.0;
    assert_eq!(config, Config::default());
}

#[test]
fn the_toy_config_shows_every_key() {
    let toy = BUILT_IN[0].1;
    for (section, keys) in mistakes::known_keys() {
        let Some(keys) = keys.as_table() else {
            assert!(toy.contains(&format!("{section} = ")), "{section}");
            continue;
        };
        assert!(toy.contains(&format!("[{section}]")), "{section}");
        if section != "train_architecture" {
            let (_, text) = toy.split_once(&format!("\n[{section}]\n")).unwrap();
            let text = text.split("\n[").next().unwrap();
            for key in keys.keys() {
                let is_shown = text.lines().any(|line| line.starts_with(&format!("{key} = ")));
                assert!(is_shown, "{section}.{key}");
            }
        }
    }
}

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
    let message = mistake("zzz = 1\n", &[]);
    let sections = "baseline, cost, data, model, run_dir, search, seed, space, train, train_architecture, translate";
    assert_eq!(message, format!("x.toml:1: unknown key \"zzz\"; expected one of {sections}"));
    let message = mistake("[train]\nfoo = 1\n", &[]);
    assert_eq!(message, "x.toml:2: unknown key \"foo\" in [train]; automoe config --explain train lists its keys");
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
        "--set foo=1: unknown key \"foo\"; expected one of baseline, cost, data, model, run_dir, search, seed, space, train, \
         train_architecture, translate",
        "--set search.parents=many: expected a whole number, 0 or more, found string \"many\"",
        "--set train: expected section.key=value",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
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
    assert_eq!(message, "x.toml:2: search.algorithm: unknown variant `annealing`, expected `evolution` or `random`");
    let message = mistake("[train]\nweights = \"mixed\"\n", &[]);
    assert_eq!(message, "x.toml:2: train.weights: unknown variant `mixed`, expected `shared`");
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

/// Fingerprints of a run that version 0.1.0 began are of this text: a new key must not be in it where it says nothing new.
#[test]
fn what_version_0_1_wrote_is_fingerprinted_as_ever() {
    let (_folder, path) = file(since_0_1::WRITTEN_BY_0_1);
    let mut config = Config::load(&path).unwrap();
    assert_eq!(config.fingerprinted().unwrap(), since_0_1::WRITTEN_BY_0_1);
    assert!(config.to_toml().unwrap().contains("\nmax_kv_cache_mb = 0.0\n"));
    config.search.limits["kv_cache_mb"] = 2.0;
    assert!(config.fingerprinted().unwrap().contains("\nmax_kv_cache_mb = 2.0\n"));
}

/// What is fingerprinted is what is written but for the lines of new keys.
#[test]
fn what_is_fingerprinted_loads_as_the_same_settings() {
    for (name, _) in BUILT_IN {
        let config = Config::load(name).unwrap();
        let (_folder, path) = file(&config.fingerprinted().unwrap());
        assert_eq!(Config::load(&path).unwrap(), config, "{name}");
        let (written, fingerprinted) = (config.to_toml().unwrap(), config.fingerprinted().unwrap());
        let mut section = "";
        let kept = written.lines().filter(|line| {
            section = if line.starts_with('[') { line } else { section };
            let new = match section {
                "[data]" => &["sentencepiece = \"\"", "sentencepiece_target = \"\"", "test_reference = \"\""][..],
                "[train]" => &["weights = \"shared\""],
                "[search]" => &["max_kv_cache_mb = 0.0", "precision = \"float32\""],
                "[translate]" => &["precision = \"float32\""],
                _ => &[],
            };
            !new.contains(line)
        });
        assert!(kept.eq(fingerprinted.lines()), "{name}");
    }
}

#[test]
fn every_cost_of_the_catalog_has_its_key() {
    for row in &COSTS {
        let (_folder, path) = file(&format!("[search]\nlatency = \"measured\"\n{} = 2\n", row.key()));
        let config = Config::load(&path).unwrap();
        assert_eq!(config.search.limits, Limits::from([(row.name, 2.0)]));
        let (_folder, path) = file(&config.to_toml().unwrap());
        assert_eq!(Config::load(&path).unwrap(), config);
        let message = mistake(&format!("[search]\npopulation = 30\n{} = \"few\"\n", row.key()), &[]);
        assert_eq!(message, format!("x.toml:3: search.{}: expected a number, found string \"few\"", row.key()));
    }
}

/// Runs from before the key have none in their settings.
#[test]
fn the_first_rule_of_weight_sharing_is_the_default() {
    let (_folder, path) = file(&format!("[train]\nweights = {:?}\n", WEIGHT_SHARING[0]));
    let config = Config::load(&path).unwrap();
    assert_eq!(config.train, TrainConfig::default());
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
    let message = mistake("[translate]\naverage_checkpoints = 20\n", &[]);
    assert_eq!(message, "x.toml:2: translate.average_checkpoints: 20 are more than train.keep_checkpoints = 10");
}

#[test]
fn test_text_may_be_left_out_but_not_named_by_nothing() {
    let (_folder, path) = file("[data]\ntrain = [\"a\"]\n");
    assert!(Config::load(&path).unwrap().data.test.is_empty());
    assert_eq!(mistake("[data]\ntest = [\"\"]\n", &[]), "x.toml:2: data.test: names no files");
}

#[test]
fn every_bound_is_checked() {
    let faults = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        let keys = config.faults().into_iter();
        keys.map(|fault| fault.split(':').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(faults(&|_| {}), [""; 0]);
    assert_eq!(faults(&|c| c.seed = u64::MAX), ["seed"]);
    assert_eq!(faults(&|c| c.data.target_lang = "en".into()), ["data.target_lang"]);
    assert_eq!(faults(&|c| c.data.valid.clear()), ["data.valid"]);
    assert_eq!(faults(&|c| c.data.max_length_ratio = 0.5), ["data.max_length_ratio"]);
    assert_eq!(faults(&|c| c.model.dropout = 1.0), ["model.dropout"]);
    assert_eq!(faults(&|c| c.model.expert_dropout_ratio = f64::NAN), ["model.expert_dropout_ratio"]);
    assert_eq!(faults(&|c| c.space["encoder_embed_dim"] = Choices::Every(vec![512])), ["model.share_all_embeddings"]);
    assert_eq!(faults(&|c| c.train.adam_betas[1] = 1.0), ["train.adam_betas"]);
    assert_eq!(faults(&|c| c.train.min_lr = 1.0), ["train.min_lr"]);
    assert_eq!(faults(&|c| c.train_architecture = overrides("lr = -1")).len(), 2);
    assert_eq!(faults(&|c| c.train.checkpoint_every = 0), ["translate.average_checkpoints"]);
    assert_eq!(faults(&|c| c.search.mutation_probability = 1.1), ["search.mutation_probability"]);
    assert_eq!(faults(&|c| c.search.limits["gflops"] = f64::INFINITY), ["search.max_gflops"]);
    assert_eq!(faults(&|c| c.search.limits["memory_mb"] = -1.0), ["search.max_memory_mb"]);
    assert_eq!(faults(&|c| c.search.limits["latency_ms"] = 9.0), ["search.max_latency_ms"]);
    let with = |set: &dyn Fn(&mut SearchConfig)| {
        faults(&|c| {
            c.search.limits["latency_ms"] = 9.0;
            set(&mut c.search);
        })
    };
    assert_eq!(with(&|search| search.latency = LatencySource::Measured), [""; 0]);
    assert_eq!(with(&|search| search.latency_profile = "xeon.json".into()), [""; 0]);
    assert_eq!(faults(&|c| c.translate.beam = 0), ["translate.beam"]);
    assert_eq!(faults(&|c| c.cost.sentence_length = 0), ["cost.sentence_length"]);
    assert_eq!(faults(&|c| c.baseline.heads = 5), ["baseline.heads"]);
    assert_eq!(faults(&|c| c.baseline.encoder_layers = usize::MAX), ["baseline.encoder_layers"]);
    assert_eq!(faults(&|c| c.baseline.embed_dim = 0), [""; 0]);
}

#[test]
fn overrides_replace_what_the_file_says() {
    let (_folder, path) = file("seed = 3\n[train]\nmax_updates = 7\nlr = 0.5\n");
    let options = [
        "train.max_updates=100",
        "train.max_updates = 101",
        "space.encoder_n_experts=[[1],[2],[1],[2],[1],[2]]",
        "data.source_lang=fr",
        "train_architecture.update_freq=2",
        "run_dir=elsewhere/x",
    ]
    .map(String::from);
    let config = Config::load_with(&path, &options).unwrap();
    let fixed = [1, 2, 1, 2, 1, 2].map(|count| vec![count]).to_vec();
    let expected = Config {
        seed: 3,
        run_dir: "elsewhere/x".into(),
        data: DataConfig { source_lang: "fr".into(), ..DataConfig::default() },
        space: SpaceConfig::default().with([("encoder_n_experts", Choices::PerLayer(fixed))]),
        train: TrainConfig { max_updates: 101, lr: 0.5, ..TrainConfig::default() },
        train_architecture: overrides("update_freq = 2"),
        ..Config::default()
    };
    assert_eq!(config, expected);
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
fn data_and_profiles_beside_the_config_are_found() {
    let (folder, path) = file(
        "[data]\ndir = \"corpus-beside-the-config\"\n[search]\nmax_latency_ms = 5\nlatency_profile = \"beside.json\"\n",
    );
    let config = Config::load(&path).unwrap();
    assert_eq!(config.data.dir, Path::new("corpus-beside-the-config"));
    let data = folder.path().join("corpus-beside-the-config");
    std::fs::create_dir(&data).unwrap();
    assert_eq!(Config::load(&path).unwrap().data.dir, data);
    let profile = folder.path().join("beside.json");
    std::fs::write(&profile, "").unwrap();
    assert_eq!(Config::load(&path).unwrap().search.latency_profile, profile);
}

#[test]
fn a_runs_config_is_of_the_run_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "run_dir = \"runs/original\"\n").unwrap();
    let run_dir = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        Config::load_with(&path.to_string_lossy(), &overrides).unwrap().run_dir
    };
    assert_eq!(run_dir(&[]), Path::new("runs/original"));
    std::fs::write(folder.path().join("manifest.json"), "{}").unwrap();
    assert_eq!(run_dir(&[]), folder.path());
    assert_eq!(run_dir(&["run_dir=other"]), Path::new("other"));
}

#[test]
fn configs_that_are_not_there_are_listed() {
    let message = Config::load("no-such-config").unwrap_err().to_string();
    assert_eq!(
        message,
        "no config \"no-such-config\": neither a file, nor configs/no-such-config.toml, nor built in \
         (toy, multi30k, iwslt14-de-en, wmt14-en-de, wmt14-en-fr, wmt19-en-de)"
    );
}

/// Every key of [`TrainConfig`] can be overridden, and only where it is given.
#[test]
fn train_overrides_replace_only_what_is_given() {
    let train = TrainConfig::default();
    let with = |train: &TrainConfig, overrides: &TrainOverrides| train.with(overrides).unwrap();
    assert_eq!(with(&train, &TrainOverrides::default()), train);
    let other = TrainConfig {
        max_updates: 1,
        lr_schedule: LrSchedule::InverseSqrt,
        lr: 0.25,
        precision: Precision::Bfloat16,
        log_every: 9,
        ..TrainConfig::default()
    };
    let all = overrides(&toml::to_string(&other).unwrap());
    assert_eq!(with(&train, &all), other);
    assert_eq!(with(&TrainConfig { lr: 1.0, ..other.clone() }, &all), other);
    let given = overrides("log_every = 9\nlr = 1");
    assert_eq!(with(&other, &given), TrainConfig { lr: 1.0, ..other });
    // What is written has the order and the types of the settings.
    assert_eq!(toml::to_string(&given).unwrap(), "lr = 1.0\nlog_every = 9\n");
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
    assert_eq!(error, "a number here or in [train_architecture] is more than 63 bits");
}

/// The paper's variants of the search space.
#[test]
fn the_papers_variants_are_spaces() {
    let load = |options: &[&str]| {
        let options: Vec<_> = options.iter().map(|option| option.to_string()).collect();
        Config::load_with("wmt14-en-de", &options).unwrap().space().unwrap()
    };
    let elastic = load(&["space.encoder_layer_num=[1,2,3,4,5,6]"]);
    assert_eq!(elastic.smallest().encoder.layers.len(), 1);
    let fixed = load(&["space.encoder_n_experts=[[1],[2],[1],[2],[1],[2]]"]);
    let experts = |space: &Space| -> Vec<usize> {
        let layers = space.smallest().encoder.layers;
        layers.iter().map(|layer| layer.experts.as_ref().map_or(0, |e| e.ffn_dims.len())).collect()
    };
    assert_eq!(experts(&fixed), [1, 2, 1, 2, 1, 2]);
    let every_other = load(&["space.encoder_n_experts=[[0],[4],[0],[4],[0],[4]]"]);
    assert_eq!(experts(&every_other), [0, 4, 0, 4, 0, 4]);
    let identity = load(&["space.encoder_each_expert_ffn_dim=[0, 3072]"]);
    assert_eq!(identity.smallest().encoder.layers[0].experts.as_ref().unwrap().ffn_dims, [0]);
    let dense_decoder = load(&["space.decoder_n_experts=[]"]);
    assert!(dense_decoder.supernet().decoder.layers.iter().all(|layer| layer.experts.is_none()));
    for (width, ffn, heads) in [(512, 2048, 8), (1024, 4096, 16)] {
        let mut options = vec![format!("model.qkv_dim={width}"), "baseline.embed_dim=0".into()];
        for side in ["encoder", "decoder"] {
            options.extend([
                format!("space.{side}_embed_dim=[{width}]"),
                format!("space.{side}_layer_num=[6]"),
                format!("space.{side}_ffn_embed_dim=[{ffn}]"),
                format!("space.{side}_self_attention_heads=[{heads}]"),
                format!("space.{side}_n_experts=[]"),
            ]);
        }
        options.push(format!("space.decoder_ende_attention_heads=[{heads}]"));
        options.push("space.decoder_arbitrary_ende_attn=[-1]".into());
        let space = Config::load_with("wmt14-en-de", &options).unwrap().space().unwrap();
        assert_eq!(space.architectures().to_string(), "1");
        assert_eq!(space.supernet(), Architecture::dense(width, ffn, heads, 6, 6));
    }
}
