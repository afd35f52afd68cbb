//! `[translate]`: beam search.

use super::faults::Faults;
use super::precision::Precision;
use serde::{Deserialize, Serialize};

/// `[translate]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranslateConfig {
    /// Hypotheses kept for each sentence.
    pub beam: usize,
    /// A hypothesis scores Σ log p / length^length_penalty.
    pub length_penalty: f64,
    /// The longest hypothesis is a · source length + b subwords.
    pub max_len_a: f64,
    /// See `max_len_a`.
    pub max_len_b: usize,
    /// The shortest hypothesis.
    pub min_len: usize,
    /// Source tokens in a batch.
    pub max_tokens: usize,
    /// Checkpoints that are averaged before translating (the newest of `step-N`, and the final weights); 0 or 1: `best` alone.
    pub average_checkpoints: usize,
    /// Of the products in translation and where latency is measured, as
    /// [`TrainConfig::precision`](super::TrainConfig::precision), or `"int8"`.
    pub precision: Precision,
}

impl Default for TranslateConfig {
    fn default() -> Self {
        Self {
            beam: 5,
            length_penalty: 0.6,
            max_len_a: 0.0,
            max_len_b: 200,
            min_len: 1,
            max_tokens: 4_096,
            average_checkpoints: 10,
            precision: Precision::Float32,
        }
    }
}

impl TranslateConfig {
    /// Whether a key may change between calls on one run: all may, for what was trained does not depend on any.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.range("translate.beam", self.beam, 1, 1_000);
        faults.non_negative("translate.length_penalty", self.length_penalty);
        faults.non_negative("translate.max_len_a", self.max_len_a);
        faults.range("translate.max_len_b", self.max_len_b, 1, 65_536);
        faults.range("translate.min_len", self.min_len, 0, self.max_len_b);
        faults.need(self.max_tokens > 0, "translate.max_tokens", "must be 1 or more");
    }
}
