//! What one forward pass carries along: its dropout and what its routers decided.

use super::dropout::{Dropout, Mask};
use burn::tensor::Tensor;

/// One forward pass. A fresh one is made for each batch.
#[derive(Debug, Default)]
pub struct Pass {
    /// Dropout's random stream; `None` at inference.
    pub(super) dropout: Option<Dropout>,
    /// What each mixture-of-experts layer did, in the order of the layers.
    pub encoder_routing: Vec<LayerRouting>,
    /// The same for the decoder.
    pub decoder_routing: Vec<LayerRouting>,
    /// Seed of the choice of overflowing tokens (with `drop_tokens`).
    pub(super) seed: u64,
}

/// What one router decided for a batch.
#[derive(Debug, Clone)]
pub struct LayerRouting {
    /// Index of the layer in its stack.
    pub layer: usize,
    /// The experts of each token by falling probability, `[tokens][k]` row-major; tokens are batch-major `[batch, time]`.
    pub experts: Vec<u32>,
    /// Experts a token.
    pub top_k: usize,
    /// Tokens sent to each expert, over all ranks.
    pub counts: Vec<u64>,
    /// Sum over the tokens of each expert's probability, `[experts]`; differentiable in training.
    pub probability_sums: Tensor<1>,
}

impl Pass {
    /// A pass without dropout.
    pub fn inference() -> Self {
        Self::default()
    }

    /// A pass with dropout drawn from `seed`.
    pub fn training(seed: u64) -> Self {
        Self { dropout: Some(Dropout::new(seed)), seed, ..Self::default() }
    }

    /// The next mask of dropout at `rate`; none at inference.
    pub(super) fn mask(&mut self, rate: f64) -> Mask {
        match &mut self.dropout {
            Some(dropout) if rate > 0.0 => dropout.mask(rate),
            _ => Mask::NONE,
        }
    }
}
