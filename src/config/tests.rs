use super::*;
use crate::catalog::{COSTS, WEIGHT_SHARING};
use crate::space::{Architecture, Choices, Space, SpaceConfig};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

mod compare;
mod mistakes;
mod schema;
mod shown;

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
    let known = keys::Keys::all();
    for (section, schema) in known.of("").unwrap() {
        let Some(keys) = known.of(section) else {
            let shown = if schema["type"] == "array" { format!("[[{section}]]") } else { format!("{section} = ") };
            assert!(toy.contains(&shown), "{section}");
            continue;
        };
        assert!(toy.contains(&format!("[{section}]")), "{section}");
        if !super::mistakes::OVERRIDES.contains(&section.as_str()) {
            let (_, text) = toy.split_once(&format!("\n[{section}]\n")).unwrap();
            let text = text.split("\n[").next().unwrap();
            for key in keys.keys() {
                let is_shown = text.lines().any(|line| line.starts_with(&format!("{key} = ")));
                assert!(is_shown, "{section}.{key}");
            }
        }
    }
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
        let [of_rank, of_adapt] =
            [toml::to_string(&RankConfig::default()).unwrap(), toml::to_string(&AdaptConfig::default()).unwrap()];
        let [of_rank, of_adapt]: [Vec<&str>; 2] = [&of_rank, &of_adapt].map(|text| text.lines().collect());
        let mut absent = vec!["compare = []", "[finetune]", "[report]"];
        if config.rank == RankConfig::default() {
            absent.push("[rank]");
        }
        if config.adapt == AdaptConfig::default() {
            absent.push("[adapt]");
        }
        let kept = written.lines().filter(|line| {
            section = if line.starts_with('[') { line } else { section };
            let new = match section {
                "[data]" => &[
                    "sentencepiece = \"\"",
                    "sentencepiece_target = \"\"",
                    "skip_long = false",
                    "test_reference = \"\"",
                ][..],
                "[train]" => &[
                    "weights = \"shared\"",
                    "mixture = 2",
                    "sampling = \"uniform\"",
                    "sandwich_random = 2",
                    "distillation = 0.0",
                    "router_warmup_updates = 0",
                ],
                "[search]" => &[
                    "objectives = [\"loss\"]",
                    "max_kv_cache_mb = 0.0",
                    "patience = 0",
                    "surrogate = false",
                    "racing = false",
                    "precision = \"float32\"",
                ],
                "[translate]" => &["precision = \"float32\""],
                "[rank]" => &of_rank,
                "[adapt]" => &of_adapt,
                "[baseline]" => &["qkv_dim = 0"],
                "[report]" => &["tensorboard = false"],
                _ => &[],
            };
            !line.is_empty() && !new.contains(line) && !absent.contains(line)
        });
        assert!(kept.eq(fingerprinted.lines().filter(|line| !line.is_empty())), "{name}");
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
    assert_eq!(faults(&|c| c.train.distillation = 0.5), ["train.distillation"]);
    let taught = |share: f64| {
        faults(&|c| c.train = TrainConfig { sampling: Sampling::Sandwich, distillation: share, ..c.train.clone() })
    };
    assert_eq!(taught(1.0), [""; 0]);
    assert_eq!(taught(1.5), ["train.distillation"]);
    assert_eq!(taught(f64::NAN), ["train.distillation"]);
    assert_eq!(faults(&|c| c.train.sandwich_random = 1_000_000_000), ["train.sandwich_random"]);
    assert_eq!(faults(&|c| c.train.mixture = 1), ["train.mixture"]);
    assert_eq!(faults(&|c| c.adapt.rank = 0), ["adapt.rank"]);
    assert_eq!(faults(&|c| c.adapt.lr = 0.0), ["adapt.lr"]);
    assert_eq!(faults(&|c| c.train_architecture = overrides("lr = -1")).len(), 2);
    assert_eq!(faults(&|c| c.finetune = overrides("lr = -1")), ["finetune.lr", "finetune.min_lr"]);
    assert_eq!(faults(&|c| c.train.checkpoint_every = 0), ["translate.average_checkpoints"]);
    assert_eq!(faults(&|c| c.finetune = overrides("checkpoint_every = 0")), ["translate.average_checkpoints"]);
    let random = |surrogate| {
        faults(&|c| {
            (c.search.algorithm, c.search.surrogate) = (AlgorithmName::new("random").unwrap(), surrogate);
        })
    };
    assert_eq!(random(true), ["search.surrogate"]);
    assert_eq!(random(false), [""; 0]);
    assert_eq!(faults(&|c| c.search.mutation_probability = 1.1), ["search.mutation_probability"]);
    assert_eq!(faults(&|c| c.search.limits["gflops"] = f64::INFINITY), ["search.max_gflops"]);
    assert_eq!(faults(&|c| c.search.limits["memory_mb"] = -1.0), ["search.max_memory_mb"]);
    let objectives = |names: &[&str]| {
        faults(&|c| {
            c.search.algorithm = AlgorithmName::new("random").unwrap();
            c.search.objectives = names.iter().map(|name| ObjectiveName::new(name).unwrap()).collect();
        })
    };
    assert_eq!(objectives(&["loss", "gflops", "parameters", "memory_mb"]), [""; 0]);
    assert_eq!(objectives(&["loss", "gflops", "parameters", "memory_mb", "kv_cache_mb"]), ["search.objectives"]);
    assert_eq!(faults(&|c| c.rank.samples = 1), ["rank.samples"]);
    assert_eq!(faults(&|c| c.rank.band = 0.05), ["rank.band"]);
    assert_eq!(faults(&|c| c.rank.at = 0.05), ["rank.at"]);
    assert_eq!(faults(&|c| c.rank.seeds = 0), ["rank.seeds"]);
    assert_eq!(faults(&|c| c.rank.repeated = 1), ["rank.repeated"]);
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
