//! The search space itself.

use super::choices::SpaceConfig;
use super::layers::StackSpace;
use super::side::Side;
use crate::error::{Error, Result};

/// All architectures that a `[space]` allows, and the ways to draw them.
///
/// Every architecture that comes out of it is in normal form: what no weight depends on (the genes of a dropped sublayer, the
/// `*_ffn_embed_dim` of a layer with fractional experts) has a fixed value, so that equal models are equal values. One gene
/// is left as it was drawn, for it has to survive a shallow ancestor: see [`super::Architecture::clipped`].
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    pub(super) config: SpaceConfig,
    pub(super) qkv_dim: usize,
    pub(super) encoder: StackSpace,
    pub(super) decoder: StackSpace,
}

impl Space {
    /// The space of `config` for models whose attentions have `qkv_dim` features.
    ///
    /// # Errors
    /// Every fault of `config`, each naming its key.
    pub fn new(config: &SpaceConfig, qkv_dim: usize) -> Result<Self> {
        let faults = config.faults(qkv_dim);
        if !faults.is_empty() {
            return Err(Error::input(faults.join("; ")));
        }
        Ok(Self {
            config: config.clone(),
            qkv_dim,
            encoder: StackSpace::resolve(config, Side::Encoder),
            decoder: StackSpace::resolve(config, Side::Decoder),
        })
    }

    /// Features of queries, keys and values in every attention.
    pub fn qkv_dim(&self) -> usize {
        self.qkv_dim
    }

    /// The choices that the space was made from.
    pub fn config(&self) -> &SpaceConfig {
        &self.config
    }
}
