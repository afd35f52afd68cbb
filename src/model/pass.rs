//! What one forward pass carries along: its dropout and what its routers decided.

use crate::device::{all_to_host, ids, integers_to_host};
use crate::kernels::{Dropout, Mask};
use crate::text::PAD;
use burn::tensor::{Device, Int, Tensor};

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
    /// Places of the tokens that routers see in the stack that is being passed; `None`: all.
    routed: Option<Tensor<1, Int>>,
}

/// What one router decided for a batch.
#[derive(Debug, Clone)]
pub struct LayerRouting {
    /// Index of the layer in its stack.
    pub layer: usize,
    /// Experts a token.
    pub top_k: usize,
    /// Sum over the tokens of each expert's probability, `[experts]`; differentiable in training.
    pub probability_sums: Tensor<1>,
    /// `[tokens · top_k]` of the tokens that were routed, where the model is.
    pub(super) experts: Tensor<1, Int>,
    /// Tokens sent to each expert, over all ranks: `[experts]`, where the model is, without autodiff.
    pub(super) counts: Tensor<1>,
}

impl LayerRouting {
    /// What a router decided on the host: `experts` as [`LayerRouting::experts`] returns them, and the tokens sent to each.
    pub fn of_host(layer: usize, top_k: usize, experts: &[u32], counts: &[u64], probability_sums: Tensor<1>) -> Self {
        let device = probability_sums.device().inner();
        let counts: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
        let counts = Tensor::from_data(counts.as_slice(), &device);
        Self { layer, top_k, probability_sums, experts: ids(experts, &device), counts }
    }

    /// The experts of each routed token by falling probability, `[tokens][k]` row-major; tokens are batch-major
    /// `[batch, time]`, at inference without padding. Waits for the device.
    pub fn experts(&self) -> Vec<u32> {
        integers_to_host(self.experts.clone()).into_iter().map(|expert| expert as u32).collect()
    }

    /// Tokens sent to each expert of each layer, over all ranks. Waits for the device, once for all.
    pub fn counts(layers: &[&Self]) -> Vec<Vec<u64>> {
        let counts = all_to_host(layers.iter().map(|layer| layer.counts.clone()).collect());
        let mut counts = counts.into_iter().map(|count| count as u64);
        layers.iter().map(|layer| counts.by_ref().take(layer.counts.dims()[0]).collect()).collect()
    }
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

    /// Whether the model is trained: experts have their capacities, and padding is routed and counted like any token, as the
    /// reference does. At inference a sentence must not depend on what is beside it: no capacity, no padding.
    pub(super) fn is_training(&self) -> bool {
        self.dropout.is_some()
    }

    /// `tokens`, row-major, are about to enter a stack on `device`.
    pub(super) fn enter(&mut self, tokens: &[u32], device: &Device) {
        let real = || (0..).zip(tokens).filter(|(_, token)| **token != PAD).map(|(place, _)| place);
        let skips = !self.is_training() && tokens.contains(&PAD);
        self.routed = skips.then(|| ids(&real().collect::<Vec<u32>>(), device));
    }

    /// Places of the tokens that routers see, in the stack that was entered last; `None`: all.
    pub(super) fn routed(&self) -> Option<Tensor<1, Int>> {
        self.routed.clone()
    }

    /// The next mask of dropout at `rate`; none at inference.
    pub(super) fn mask(&mut self, rate: f64) -> Mask {
        match &mut self.dropout {
            Some(dropout) if rate > 0.0 => dropout.mask(rate),
            _ => Mask::NONE,
        }
    }
}
