//! `[model]`: what all architectures of a run share.

use super::faults::Faults;
use crate::space::architecture::MAX_WIDTH;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[model]`: what all architectures of a run share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Features of queries, keys and values, whatever the width of the residual stream.
    #[schemars(range(min = 1, max = MAX_WIDTH))]
    pub qkv_dim: usize,
    /// One embedding table for source, target and output projection (needs a joined vocabulary).
    pub share_all_embeddings: bool,
    /// The output projection is the decoder's embedding table.
    pub share_decoder_input_output_embed: bool,
    /// Dropout at the largest width; narrower stacks scale it by their width.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub dropout: f64,
    /// Dropout of attention weights; not scaled.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub attention_dropout: f64,
    /// Dropout after the feed-forward activation.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub activation_dropout: f64,
    /// Multiplies the dropout rates inside experts (capped at 1).
    #[schemars(range(min = 0))]
    pub expert_dropout_ratio: f64,
    /// In training experts have a capacity; tokens over it pass through unchanged. At inference there is none: a translation
    /// depends on its line alone.
    pub drop_tokens: bool,
    /// With `drop_tokens`: capacity = factor · tokens / experts.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub capacity_factor: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            qkv_dim: 512,
            share_all_embeddings: true,
            share_decoder_input_output_embed: true,
            dropout: 0.3,
            attention_dropout: 0.1,
            activation_dropout: 0.0,
            expert_dropout_ratio: 1.0,
            drop_tokens: false,
            capacity_factor: 1.0,
        }
    }
}

impl ModelConfig {
    /// What `share_all_embeddings` and `share_decoder_input_output_embed` mean together.
    pub fn tables(&self) -> Tables {
        match (self.share_all_embeddings, self.share_decoder_input_output_embed) {
            (true, _) => Tables::Shared,
            (false, true) => Tables::Tied,
            (false, false) => Tables::Separate,
        }
    }

    /// Adds what is out of range.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.ranges("model", self);
    }
}

/// Which embedding tables a model has. Checkpoints have these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tables {
    /// One for source, target and output projection.
    Shared,
    /// One for the source, one for the target and the output projection.
    Tied,
    /// One each.
    Separate,
}
