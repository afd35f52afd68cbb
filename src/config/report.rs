//! `[report]`: what is written for people and other programs beside a run's own files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[report]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportConfig {
    /// Write event files for TensorBoard beside `metrics.jsonl` and `trials.jsonl`, as training and search go.
    pub tensorboard: bool,
}

impl ReportConfig {
    /// Whether a key may change between calls on one run: all may, for nothing is computed otherwise.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }
}
