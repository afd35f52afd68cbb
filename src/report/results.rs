//! What a run of all phases has found: its `results.json`.

use super::reading::{Quality, Reading};
use crate::bounded::read_with;
use crate::checksum;
use crate::error::Result;
use crate::latency::Latency;
use crate::run::atomic;
use crate::space::Architecture;
use crate::train::Spent;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};
use std::path::Path;

/// The row of what a run's own search has found.
pub const WINNER: &str = "winner";

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// What to do where a file is none, or has changed.
const ADVICE: &str = "remove the file, and automoe run measures again";

/// `results.json`: `{"rows": [{"name": …, "bleu": …, "gflops": …, "parameters": …}, …]}`. In a file from elsewhere, all but
/// the names may be missing, and other keys are not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Fingerprint of settings, device and latency profile: results of others are not taken for these.
    #[serde(default, deserialize_with = "if_ours")]
    pub settings: String,
    /// Fingerprint of the prepared data, test text included; none in what version 0.1.0 wrote.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Whether the references were ids joined to words: scores then are those of tokenised text.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "std::ops::Not::not")]
    pub joined_references: bool,
    /// Fingerprint of the rows of `[[compare]]` and of the ladder's limits that were asked for; none where there were none.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// Whether there are models that were asked for and are not tested yet.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// One model a row.
    pub rows: Vec<TestedModel>,
    /// Where the curves of a ladder's searches reach the dense model's quality on the validation set.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

/// One model of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestedModel {
    /// `supernet`, `winner` (the next ones `winner-2`, …), `baseline`, or a row of `[[compare]]`; where it was found under a limit of a
    /// ladder, that follows: `winner@gflops=0.02`.
    pub name: String,
    /// The checkpoint that was tested, relative to the run directory.
    #[serde(default, deserialize_with = "if_ours")]
    pub checkpoint: Option<String>,
    /// BLAKE3 of that checkpoint, or of those that were averaged; none in what version 0.1.0 wrote.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Its shape.
    #[serde(default, deserialize_with = "if_ours")]
    pub architecture: Option<Architecture>,
    /// Features of its queries, keys and values (`model.qkv_dim`); none in what version 0.1.0 wrote.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub qkv_dim: Option<usize>,
    /// sacreBLEU's BLEU (13a, exp) on the test set.
    pub bleu: Option<f64>,
    /// chrF2 on the test set.
    #[serde(default, deserialize_with = "if_ours")]
    pub chrf: Option<f64>,
    /// FLOPs of a sentence pair without the output projection, in 10⁹, mean over experts.
    pub gflops: Option<f64>,
    /// Parameters without embeddings, all experts.
    pub parameters: Option<Number>,
    /// Parameters without embeddings that a token passes, mean over experts.
    pub active_parameters: Option<Number>,
    /// 1 - active / total.
    pub sparsity: Option<f64>,
    /// Of one dummy sentence, on the device of the run.
    #[serde(default, deserialize_with = "if_ours")]
    pub latency: Option<Latency>,
    /// Of the weights that were tested, in bits per token.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// sacreBLEU's BLEU (13a, exp) on the validation set; of ids, where that is what there is, their words are compared.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub validation_bleu: Option<f64>,
    /// What training it has taken; a search, and its SuperNet, not counted.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub training: Option<Spent>,
    /// BLAKE3 of the translations of the test set that the run keeps.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Option::is_none")]
    pub hypotheses: Option<String>,
    /// Beside the first dense model made by hand, and beside what the first dense search found.
    #[serde(default, deserialize_with = "if_ours", skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
}

/// What a row is called without the limit that it was found under, and the limit, with `@`; it is empty where there is none.
pub fn parted(name: &str) -> (&str, &str) {
    name.split_at(name.find('@').unwrap_or(name.len()))
}

/// A model beside another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What the other is.
    pub reference: Reference,
    /// The other's row.
    pub with: String,
    /// This one's FLOPs as a fraction of the other's.
    pub gflops: f64,
    /// This one's BLEU less the other's.
    pub bleu: f64,
    /// The 95 % interval of that difference, by a paired bootstrap.
    pub bleu_interval: [f64; 2],
    /// The p value of that bootstrap.
    pub p_value: f64,
}

/// What models are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The first dense Transformer made by hand.
    Dense,
    /// What the first search over dense architectures found, under the same limit.
    DenseSearch,
}

impl TestedModel {
    /// Parameters in millions.
    pub fn parameters_m(&self) -> Option<f64> {
        millions(self.parameters.as_ref())
    }

    /// FLOPs that its training has taken, in units of 10¹².
    pub fn training_tflops(&self) -> Option<f64> {
        Some(self.training?.gflops? / 1e3)
    }

    /// How good it is by this measure.
    pub fn quality(&self, quality: Quality) -> Option<f64> {
        match quality {
            Quality::Loss => self.validation_loss,
            Quality::Bleu => self.validation_bleu,
        }
    }

    /// How it compares with this reference.
    pub fn beside(&self, reference: Reference) -> Option<&Compared> {
        self.compared.iter().find(|compared| compared.reference == reference)
    }

    /// Active parameters in millions.
    pub fn active_parameters_m(&self) -> Option<f64> {
        millions(self.active_parameters.as_ref())
    }

    /// Sparsity in percent.
    pub fn sparsity_percent(&self) -> Option<f64> {
        self.sparsity.map(|share| 100.0 * share)
    }
}

fn millions(count: Option<&Number>) -> Option<f64> {
    Some(count?.as_f64()? / 1e6)
}

/// What no table needs and a file from elsewhere may have in a form of its own, which is then as good as missing.
fn if_ours<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

impl Results {
    /// Reads the results at `path`.
    ///
    /// # Errors
    /// A file that cannot be opened, is no such JSON, or has a checksum that does not fit.
    pub fn read(path: &Path) -> Result<Self> {
        read_with(path, MAX_BYTES, |text| checksum::from_text(text, "the results of a run", ADVICE))
    }

    /// Whether there are trials of a search, `has_trials`, and their winner is not what it has `found`: they are of an earlier search.
    pub fn are_of_another_search(&self, has_trials: bool, found: Option<&Architecture>) -> bool {
        let winner = self.rows.iter().find(|row| row.name == WINNER).and_then(|row| row.architecture.as_ref());
        has_trials && winner.is_some_and(|tested| found != Some(tested))
    }

    /// Writes them to `path`, whole or not at all.
    ///
    /// # Errors
    /// A path that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, checksum::to_text(self)?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Results> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, text).unwrap();
        Results::read(&path)
    }

    #[test]
    fn figures_may_be_missing_and_more_keys_may_be_there() {
        let rows = &read(
            r#"{"seed": 1, "rows": [
                {"name": "found", "bleu": 33.1, "active_parameters": 4000000, "chrf": 60.5},
                {"name": "dense", "parameters": 8e6}]}"#,
        )
        .unwrap()
        .rows;
        assert_eq!((rows[0].bleu, rows[0].active_parameters_m()), (Some(33.1), Some(4.0)));
        assert_eq!((rows[1].bleu, rows[1].parameters_m()), (None, Some(8.0)));
    }

    #[test]
    fn what_no_table_needs_may_have_another_form() {
        let results = read(
            r#"{"settings": {"seed": 1}, "rows": [{"name": "found", "bleu": 33.1, "chrf": {"score": 60.5},
                "architecture": "6 layers", "latency": 7.5, "checkpoint": 3}]}"#,
        )
        .unwrap();
        let row = &results.rows[0];
        assert_eq!((results.settings.as_str(), row.bleu, row.chrf), ("", Some(33.1), None));
        assert!(row.architecture.is_none() && row.latency.is_none() && row.checkpoint.is_none());
    }

    #[test]
    fn a_bad_file_is_named() {
        let error = read(r#"{"rows": [{"bleu": 1}]}"#).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        assert!(message.contains("results.json: not the results of a run: missing field `name`"));
        assert!(Results::read(Path::new("absent/results.json")).is_err());
    }
}
