//! `[cost]`: how FLOPs and latency are counted.

use super::faults::{Faults, MANY};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[cost]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CostConfig {
    /// Tokens of the dummy source and target sentences, eos included (30 for WMT, 23 for IWSLT).
    #[schemars(range(min = 1, max = 65_536))]
    pub sentence_length: usize,
    /// Entries of each vocabulary in FLOPs, parameters and memory; 0: those that were learned, before that `data.vocab_size`.
    #[schemars(range(max = MANY))]
    pub vocab_size: usize,
}

impl Default for CostConfig {
    fn default() -> Self {
        Self { sentence_length: 30, vocab_size: 0 }
    }
}

impl CostConfig {
    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.ranges("cost", self);
    }
}
