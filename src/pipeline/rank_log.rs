//! What was measured of architectures with their own weights and with those of SuperNets, kept in the run directory.

use crate::config::{Config, TranslateConfig};
use crate::error::{Error, Result};
use crate::run::jsonl::Sync;
use crate::run::{JsonLines, Settings};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// A model's scores on the validation set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// Bits a token.
    pub loss: f64,
    /// sacreBLEU's BLEU (13a, exp).
    pub bleu: f64,
}

/// Which model it was, and how it translated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Model {
    /// Fingerprint of a SuperNet's checkpoint, or of a training alone.
    pub weights: String,
    /// Fingerprint of the settings of translation.
    pub translation: String,
    /// Validation pairs that it was evaluated on where some were too long and left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_pairs: Option<usize>,
    /// What was evaluated.
    pub architecture: Architecture,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    model: Model,
    #[serde(flatten)]
    scores: Evaluated,
}

/// The log of evaluations.
pub(super) struct Evaluations {
    log: JsonLines,
    known: HashMap<Model, Evaluated>,
}

impl Evaluations {
    /// Those kept at `path`.
    ///
    /// # Errors
    /// A log that is none, or that cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        let log = JsonLines::open(path, Sync::EachLine)?;
        let lines = JsonLines::read::<Line>(path)?;
        Ok(Self { log, known: lines.into_iter().map(|line| (line.model, line.scores)).collect() })
    }

    /// The scores of `model`: those in the log, otherwise what `evaluate` finds, which is kept.
    ///
    /// # Errors
    /// Those of `evaluate`; a log that cannot be written.
    pub fn of(&mut self, model: Model, evaluate: impl FnOnce() -> Result<Evaluated>) -> Result<Evaluated> {
        if let Some(scores) = self.known.get(&model) {
            return Ok(*scores);
        }
        let scores = evaluate()?;
        self.log.append_sealed(&Line { model: model.clone(), scores })?;
        self.known.insert(model, scores);
        Ok(scores)
    }
}

/// The same for settings that translate alike.
///
/// # Errors
/// A number that TOML cannot hold.
pub(super) fn fingerprint_of_translation(translate: &TranslateConfig) -> Result<String> {
    let translate = TranslateConfig { max_tokens: 0, ..translate.clone() };
    let text = serde_json::to_string(&translate).map_err(Error::failure)?;
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// The name of the folder of a training of `architecture` with the seed `seed` and the settings `[train]` of `config`: the same for
/// the same training, and for nothing else.
///
/// # Errors
/// A number that TOML cannot hold.
pub(super) fn name_of_training(config: &Config, architecture: &Architecture, seed: u64) -> Result<String> {
    // Without what may change between calls, and without keys that are newer and have their default.
    let train =
        toml::Table::from_iter([("train".to_owned(), toml::Value::try_from(&config.train).map_err(Error::input)?)]);
    let settings = Settings::parse(&train.to_string())?.fingerprint();
    let architecture = serde_json::to_string(architecture).map_err(Error::failure)?;
    let hash = blake3::hash(format!("{settings}\n{seed}\n{architecture}").as_bytes());
    Ok(hash.to_hex()[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_evaluated_twice_also_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evaluations.jsonl");
        let model = |weights: &str, layers| Model {
            weights: weights.into(),
            translation: "t".into(),
            validation_pairs: None,
            architecture: Architecture::dense(8, 16, 2, layers, 1),
        };
        let models = [model("a", 1), model("a", 2), model("b", 1)];
        let scores = |place: usize| Evaluated { loss: 1.0 / (place as f64 + 3.0), bleu: place as f64 };
        let evaluated = |place: usize| Ok(scores(place));
        let mut evaluations = Evaluations::open(&path).unwrap();
        for (place, model) in models.iter().enumerate().take(2) {
            assert_eq!(evaluations.of(model.clone(), || evaluated(place)).unwrap(), scores(place));
        }
        drop(evaluations);
        let torn = std::fs::read_to_string(&path).unwrap() + r#"{"weights":"b","#;
        std::fs::write(&path, torn).unwrap();
        let mut evaluations = Evaluations::open(&path).unwrap();
        for (place, model) in models.iter().enumerate() {
            let again = || if place < 2 { panic!("evaluated twice") } else { evaluated(place) };
            assert_eq!(evaluations.of(model.clone(), again).unwrap(), scores(place));
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_training_is_told_by_what_changes_its_weights() {
        let (config, architecture) = (Config::default(), Architecture::dense(8, 16, 2, 1, 1));
        let name = |change: &dyn Fn(&mut Config)| {
            let mut config = config.clone();
            change(&mut config);
            name_of_training(&config, &architecture, 1).unwrap()
        };
        let same = name(&|_| {});
        assert_eq!(name(&|config| config.train.save_every = 7), same);
        assert_eq!(name(&|config| config.search.population = 7), same);
        assert_ne!(name(&|config| config.train.max_updates = 7), same);
        assert_ne!(name_of_training(&config, &architecture, 2).unwrap(), same);
        assert_ne!(name_of_training(&config, &Architecture::dense(8, 16, 2, 2, 1), 1).unwrap(), same);
        let beam = |beam| fingerprint_of_translation(&TranslateConfig { beam, ..config.translate.clone() }).unwrap();
        assert_ne!(beam(1), beam(4));
    }
}
