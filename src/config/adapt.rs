//! `[adapt]`: what a finished SuperNet is adapted by.

use super::faults::Faults;
use super::train::TrainConfig;
use crate::catalog::{MAX_CORRECTIONS, MAX_RANK};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[adapt]`: low-rank corrections of a finished SuperNet's weights, and how they are trained; what is not here is `[train]`'s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptConfig {
    /// Rank of a correction.
    #[schemars(range(min = 1, max = MAX_RANK))]
    pub rank: usize,
    /// Corrections of each linear map, in shares that the architecture decides.
    #[schemars(range(min = 1, max = MAX_CORRECTIONS))]
    pub experts: usize,
    /// Updates in all.
    #[schemars(range(min = 1))]
    pub max_updates: usize,
    /// Learning rate at the end of the warm-up.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Updates of linear warm-up.
    pub warmup_updates: usize,
}

impl Default for AdaptConfig {
    fn default() -> Self {
        // Rank and learning rate are those of TAS-LoRA, which has a correction for each group of layers of one shape.
        Self { rank: 8, experts: 8, max_updates: 500, lr: 5e-4, warmup_updates: 50 }
    }
}

impl AdaptConfig {
    /// Whether a key may change between calls on one run: all may, for a SuperNet is trained without.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.ranges("adapt", self);
    }
}

impl TrainConfig {
    /// The settings by which a SuperNet that was trained with these is adapted.
    pub fn adapting(&self, adapt: &AdaptConfig) -> Self {
        let &AdaptConfig { max_updates, lr, warmup_updates, .. } = adapt;
        // The cosine does not rise.
        Self { max_updates, lr, warmup_updates, min_lr: self.min_lr.min(lr), ..self.clone() }
    }
}
