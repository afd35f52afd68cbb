//! `[train]`: training of the SuperNet, and with other values here and there of one architecture.

use super::catalog_names::WeightSharingName;
use super::faults::{Faults, MANY};
use super::precision::Precision;
use crate::catalog::MAX_COPIES;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a training goes on with other values of: how fast it learns, when it ends, and clipping.
const ADJUSTABLE: [&str; 6] = ["max_updates", "lr", "warmup_init_lr", "warmup_updates", "min_lr", "clip_norm"];

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How subnets share the weights (SuperNet only): `"shared"`, as leading slices, or `"mixture"`, of feed-forward weights a
    /// mixture of several copies.
    pub weights: WeightSharingName,
    /// Copies that a mixture mixes.
    #[schemars(range(min = 2, max = MAX_COPIES))]
    pub mixture: usize,
    /// Updates in all.
    #[schemars(range(min = 1))]
    pub max_updates: usize,
    /// Tokens in a micro-batch: sentences × the longest side, padding included.
    #[schemars(range(min = 1))]
    pub max_tokens: usize,
    /// Micro-batches whose gradients are summed before one update.
    #[schemars(range(min = 1))]
    pub update_freq: usize,
    /// Which architectures an update trains (SuperNet only): `"uniform"`, one at random, or `"sandwich"`, the largest, the
    /// smallest and some at random, all on the update's batches, by the mean of their gradients.
    pub sampling: Sampling,
    /// Random architectures of an update (sandwich only).
    #[schemars(range(max = MANY))]
    pub sandwich_random: usize,
    /// `"cosine"`, or `"inverse-sqrt"`.
    pub lr_schedule: LrSchedule,
    /// Learning rate at the end of the warm-up.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Learning rate of the first update.
    #[schemars(range(min = 0))]
    pub warmup_init_lr: f64,
    /// Updates of linear warm-up.
    pub warmup_updates: usize,
    /// Learning rate at the end (cosine only).
    #[schemars(range(min = 0))]
    pub min_lr: f64,
    /// Adam's decay of the first and second moments.
    #[schemars(extend("items" = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}))]
    pub adam_betas: [f64; 2],
    /// Added to the square root of the second moment.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub adam_eps: f64,
    /// Decoupled weight decay: each update takes `weight_decay · lr` of the weight away.
    #[schemars(range(min = 0))]
    pub weight_decay: f64,
    /// Largest norm of the gradient; 0: no clipping.
    #[schemars(range(min = 0))]
    pub clip_norm: f64,
    /// Label smoothing.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub label_smoothing: f64,
    /// The share of the other architectures' losses that is cross-entropy with what the largest predicts, as a constant
    /// (sandwich only); 0: off.
    #[schemars(range(min = 0, max = 1))]
    pub distillation: f64,
    /// Coefficient of the encoder's load-balance loss; 0: off (0.01 when on).
    #[schemars(range(min = 0))]
    pub encoder_load_balance: f64,
    /// Coefficient of the decoder's load-balance loss; 0: off (0.01 when on).
    #[schemars(range(min = 0))]
    pub decoder_load_balance: f64,
    /// Updates at the beginning in which routers stay as they began, so that experts learn before they are chosen among.
    pub router_warmup_updates: usize,
    /// Of the products in training: `"float32"`, `"bfloat16"`, `"float16"` (graphics devices), or `"auto"`, which a run
    /// takes for bfloat16 where that is fast on its device, else for float32.
    pub precision: Precision,
    /// Updates between validations.
    #[schemars(range(min = 1))]
    pub validate_every: usize,
    /// Random architectures validated beside the largest and the smallest (SuperNet only).
    pub validate_random: usize,
    /// Updates between checkpoints that are kept as `step-N`; 0: only `last` and `best`.
    pub checkpoint_every: usize,
    /// Kept `step-N` checkpoints, the newest ones.
    pub keep_checkpoints: usize,
    /// Updates between writes of `last`.
    #[schemars(range(min = 1))]
    pub save_every: usize,
    /// Updates between lines of `metrics.jsonl`.
    #[schemars(range(min = 1))]
    pub log_every: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            weights: WeightSharingName::default(),
            // Those of the paper.
            mixture: 2,
            max_updates: 40_000,
            max_tokens: 4_096,
            // 4 096 × 128: the 524K tokens that the reference's GPUs see together.
            update_freq: 128,
            sampling: Sampling::Uniform,
            sandwich_random: 2,
            lr_schedule: LrSchedule::Cosine,
            lr: 1e-3,
            warmup_init_lr: 1e-7,
            warmup_updates: 10_000,
            min_lr: 1e-7,
            adam_betas: [0.9, 0.98],
            adam_eps: 1e-8,
            weight_decay: 0.0,
            clip_norm: 0.0,
            label_smoothing: 0.1,
            distillation: 0.0,
            encoder_load_balance: 0.0,
            decoder_load_balance: 0.0,
            router_warmup_updates: 0,
            precision: Precision::Float32,
            validate_every: 1_000,
            validate_random: 4,
            checkpoint_every: 1_000,
            keep_checkpoints: 10,
            save_every: 500,
            log_every: 50,
        }
    }
}

impl TrainConfig {
    /// Whether a key may change between calls on one run, here and in `[train_architecture]`.
    pub(super) fn may_change(key: &str) -> bool {
        ["log_every", "save_every"].contains(&key) || Self::is_adjustable(key)
    }

    /// Whether a training goes on with another value of a key.
    pub(super) fn is_adjustable(key: &str) -> bool {
        ADJUSTABLE.contains(&key)
    }

    /// All of these settings, by key.
    ///
    /// # Errors
    /// None: each has a value in JSON.
    pub fn settings(&self) -> Result<BTreeMap<String, Value>> {
        let values = serde_json::to_value(self).and_then(serde_json::from_value);
        values.map_err(Error::failure)
    }

    /// Adds what is out of range; `section` is the name in front of the keys.
    pub(super) fn check(&self, section: &str, faults: &mut Faults) {
        let key = |name: &str| format!("{section}.{name}");
        faults.ranges(section, self);
        let is_more = self.min_lr > self.lr && self.lr_schedule == LrSchedule::Cosine;
        faults.need(!is_more, &key("min_lr"), format!("{} is more than lr", self.min_lr));
        let has_teacher = self.distillation == 0.0 || self.sampling == Sampling::Sandwich;
        let sampling = key("sampling");
        let message =
            format!("needs the largest architecture in every update: set {sampling} = \"sandwich\", or this to 0");
        faults.need(has_teacher, &key("distillation"), message);
        self.precision.check(&key("precision"), faults);
        let keeps = self.checkpoint_every == 0 || self.keep_checkpoints > 0;
        let message = "must be 1 or more where checkpoint_every is";
        faults.need(keeps, &key("keep_checkpoints"), message);
    }
}

/// Which architectures of the space an update trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// One, drawn uniformly.
    Uniform,
    /// The largest, the smallest and `sandwich_random` others, drawn uniformly.
    Sandwich,
}

/// How the learning rate goes after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LrSchedule {
    /// Half a cosine from `lr` to `min_lr`, over the updates that are left.
    Cosine,
    /// `lr · sqrt(warmup_updates / update)`.
    InverseSqrt,
}
