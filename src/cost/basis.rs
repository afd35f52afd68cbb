//! What counts depend on besides the architecture.

use super::flops::Dimensions;
use super::parameters::Embeddings;
use crate::config::Config;
use crate::error::Result;

/// What all architectures of a run share, as far as counts depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// Sizes that all counts depend on.
    pub dimensions: Dimensions,
    /// The embedding tables.
    pub embeddings: Embeddings,
    /// Hypotheses of a sentence that is decoded.
    pub beam: usize,
}

impl Basis {
    /// That of `config`, with these entries in the source's and the target's vocabulary.
    ///
    /// # Errors
    /// Sizes that no model can have.
    pub fn of(config: &Config, vocabularies: [usize; 2]) -> Result<Self> {
        let dimensions = Dimensions { vocab_size: vocabularies[1], ..Dimensions::of(config)? };
        Ok(Self { dimensions, embeddings: Embeddings::of(config, vocabularies), beam: config.translate.beam })
    }
}
