//! `[translate]`: beam search.

use super::faults::Faults;
use super::precision::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[translate]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TranslateConfig {
    /// Hypotheses kept for each sentence.
    #[schemars(range(min = 1, max = 1_000))]
    pub beam: usize,
    /// A hypothesis scores Σ log p / length^length_penalty.
    #[schemars(range(min = 0))]
    pub length_penalty: f64,
    /// The longest hypothesis is a · source length + b subwords.
    #[schemars(range(min = 0))]
    pub max_len_a: f64,
    /// See `max_len_a`.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_len_b: usize,
    /// The shortest hypothesis.
    pub min_len: usize,
    /// Source tokens in a batch.
    #[schemars(range(min = 1))]
    pub max_tokens: usize,
    /// Checkpoints that are averaged before translating (the newest of `step-N`, and the final weights); 0 or 1: `best` alone.
    pub average_checkpoints: usize,
    /// Of the products in translation and where latency is measured, as `train.precision`, or `"int8"`.
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
        faults.ranges("translate", self);
        let message = format!("{} is more than translate.max_len_b = {}", self.min_len, self.max_len_b);
        faults.need(self.min_len <= self.max_len_b, "translate.min_len", message);
    }
}
