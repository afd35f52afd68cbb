//! `[train_architecture]`: `[train]` with other values for some keys.

use super::train::{LrSchedule, Precision, TrainConfig};
use serde::{Deserialize, Serialize};

/// `[train_architecture]`: keys of [`TrainConfig`] that differ when one architecture is trained; the others are `[train]`'s.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainOverrides {
    /// See [`TrainConfig::max_updates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_updates: Option<usize>,
    /// See [`TrainConfig::max_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// See [`TrainConfig::update_freq`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_freq: Option<usize>,
    /// See [`TrainConfig::lr_schedule`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_schedule: Option<LrSchedule>,
    /// See [`TrainConfig::lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// See [`TrainConfig::warmup_init_lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_init_lr: Option<f64>,
    /// See [`TrainConfig::warmup_updates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_updates: Option<usize>,
    /// See [`TrainConfig::min_lr`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// See [`TrainConfig::adam_betas`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adam_betas: Option<[f64; 2]>,
    /// See [`TrainConfig::adam_eps`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adam_eps: Option<f64>,
    /// See [`TrainConfig::weight_decay`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// See [`TrainConfig::clip_norm`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// See [`TrainConfig::label_smoothing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// See [`TrainConfig::encoder_load_balance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_load_balance: Option<f64>,
    /// See [`TrainConfig::decoder_load_balance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_load_balance: Option<f64>,
    /// See [`TrainConfig::precision`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// See [`TrainConfig::validate_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,
    /// See [`TrainConfig::validate_random`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_random: Option<usize>,
    /// See [`TrainConfig::checkpoint_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// See [`TrainConfig::keep_checkpoints`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_checkpoints: Option<usize>,
    /// See [`TrainConfig::save_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_every: Option<usize>,
    /// See [`TrainConfig::log_every`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_every: Option<usize>,
}

impl TrainOverrides {
    /// Keys that may change between calls on one run: those of `[train]` but `save_every`, which runs that were begun with it
    /// count among their settings.
    pub(super) const MAY_CHANGE: [&str; 2] = ["log_every", "precision"];
}

impl TrainConfig {
    /// These settings with those of `overrides` that are given.
    pub fn with(&self, overrides: &TrainOverrides) -> Self {
        let o = overrides;
        Self {
            max_updates: o.max_updates.unwrap_or(self.max_updates),
            max_tokens: o.max_tokens.unwrap_or(self.max_tokens),
            update_freq: o.update_freq.unwrap_or(self.update_freq),
            lr_schedule: o.lr_schedule.unwrap_or(self.lr_schedule),
            lr: o.lr.unwrap_or(self.lr),
            warmup_init_lr: o.warmup_init_lr.unwrap_or(self.warmup_init_lr),
            warmup_updates: o.warmup_updates.unwrap_or(self.warmup_updates),
            min_lr: o.min_lr.unwrap_or(self.min_lr),
            adam_betas: o.adam_betas.unwrap_or(self.adam_betas),
            adam_eps: o.adam_eps.unwrap_or(self.adam_eps),
            weight_decay: o.weight_decay.unwrap_or(self.weight_decay),
            clip_norm: o.clip_norm.unwrap_or(self.clip_norm),
            label_smoothing: o.label_smoothing.unwrap_or(self.label_smoothing),
            encoder_load_balance: o.encoder_load_balance.unwrap_or(self.encoder_load_balance),
            decoder_load_balance: o.decoder_load_balance.unwrap_or(self.decoder_load_balance),
            precision: o.precision.unwrap_or(self.precision),
            validate_every: o.validate_every.unwrap_or(self.validate_every),
            validate_random: o.validate_random.unwrap_or(self.validate_random),
            checkpoint_every: o.checkpoint_every.unwrap_or(self.checkpoint_every),
            keep_checkpoints: o.keep_checkpoints.unwrap_or(self.keep_checkpoints),
            save_every: o.save_every.unwrap_or(self.save_every),
            log_every: o.log_every.unwrap_or(self.log_every),
        }
    }
}
