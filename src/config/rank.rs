//! `[rank]`: architectures that are trained alone, to see how well a SuperNet orders them.

use super::faults::{Faults, MANY};
use super::train::TrainConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[rank]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RankConfig {
    /// Architectures that are trained alone.
    #[schemars(range(min = 2, max = MANY))]
    pub samples: usize,
    /// They have `at` GFLOPs within this fraction; 0: spread evenly over those of the space.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub band: f64,
    /// The middle of the band.
    #[schemars(range(min = 0))]
    pub at: f64,
    /// Trainings, each with another seed, of the first `repeated` of them.
    #[schemars(range(min = 1, max = 1_000))]
    pub seeds: usize,
    /// Architectures that are trained with all seeds; the others are trained with the first.
    #[schemars(range(min = 2, max = MANY))]
    pub repeated: usize,
    /// Updates of each training; 0: those of `[train_architecture]`.
    pub max_updates: usize,
    /// Updates of warm-up of each; 0: those of `[train_architecture]`.
    pub warmup_updates: usize,
}

impl Default for RankConfig {
    fn default() -> Self {
        Self { samples: 30, band: 0.0, at: 0.0, seeds: 1, repeated: 10, max_updates: 0, warmup_updates: 0 }
    }
}

impl RankConfig {
    /// Whether a key may change between calls on one run: all may, for trainings are told by their settings.
    pub(super) fn may_change(_key: &str) -> bool {
        true
    }

    /// `training` with what differs here.
    pub fn training(&self, training: TrainConfig) -> TrainConfig {
        let or = |given: usize, other: usize| if given == 0 { other } else { given };
        TrainConfig {
            max_updates: or(self.max_updates, training.max_updates),
            warmup_updates: or(self.warmup_updates, training.warmup_updates),
            ..training
        }
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.ranges("rank", self);
        let needs_middle = self.band > 0.0 && self.at == 0.0;
        faults.need(!needs_middle, "rank.band", "needs the GFLOPs in its middle: set rank.at (--at), or this to 0");
        let lacks_width = self.at > 0.0 && self.band == 0.0;
        faults.need(!lacks_width, "rank.at", "needs the width of the band: set rank.band (--band), or this to 0");
    }
}
