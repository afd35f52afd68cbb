//! The settings of a run: one TOML file, typed, checked and completed before anything starts.
//!
//! [`Config::load`] finds the file (a path, a name in `configs/`, or one that ships with the program), points at the line of
//! every mistake in it, and returns settings in which nothing is left open; [`Config::to_toml`] writes them down.

mod defaults;
mod find;
mod load;
mod mistakes;
mod settings;
mod validate;

pub use find::BUILT_IN;
pub use settings::{
    AlgorithmName, BaselineConfig, Config, Corpus, CostConfig, DataConfig, LatencySource, LrSchedule, ModelConfig,
    Precision, SearchConfig, Subwords, TrainConfig, TrainOverrides, TranslateConfig,
};

use crate::error::{Error, Result};
use crate::space::{Architecture, Space};

impl Config {
    /// The search space of `[space]`, with the attentions of `[model]`.
    ///
    /// # Errors
    /// As [`Space::new`].
    pub fn space(&self) -> Result<Space> {
        Space::new(&self.space, self.model.qkv_dim)
    }

    /// The settings as TOML, complete; loading it gives an equal value.
    ///
    /// # Errors
    /// A value that TOML cannot hold: a seed of more than 63 bits.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::input(format!("the config as TOML: {error}")))
    }
}

impl DataConfig {
    /// Whether the subwords are a published model's instead of learned ones.
    pub fn has_published_subwords(&self) -> bool {
        !self.source_dict.as_os_str().is_empty()
    }
}

impl BaselineConfig {
    /// The dense Transformer; `None` where no baseline is wanted.
    pub fn architecture(&self) -> Option<Architecture> {
        (self.embed_dim > 0).then(|| {
            Architecture::dense(
                self.embed_dim,
                self.ffn_embed_dim,
                self.heads,
                self.encoder_layers,
                self.decoder_layers,
            )
        })
    }
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

#[cfg(test)]
mod tests;
