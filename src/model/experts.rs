//! The feed-forward sublayer: dense, or a mixture of experts with top-k routing.
//!
//! Tokens are sorted by expert once; each expert then sees one contiguous block, nothing is padded.

use super::dropout::DropoutRates;
use super::kernels;
use super::linear::Linear;
use super::pass::{LayerRouting, Pass};
use super::routing::{Assignment, assign};
use crate::space::Experts;
use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use std::sync::Arc;

/// `W₂ relu(W₁ x + b₁) + b₂`
#[derive(Module, Debug)]
pub struct FeedForward {
    /// `[ffn, embed]`
    pub fc1: Linear,
    /// `[embed, ffn]`
    pub fc2: Linear,
}

impl FeedForward {
    pub(super) fn new(embed_dim: usize, ffn_dim: usize, device: &Device) -> Self {
        Self { fc1: Linear::new(embed_dim, ffn_dim, device), fc2: Linear::new(ffn_dim, embed_dim, device) }
    }

    /// # Shapes
    /// - x, output: `[tokens, embed]`
    pub fn forward(&self, x: Tensor<2>, activation_dropout: f64, pass: &mut Pass) -> Tensor<2> {
        let rows = 0..x.dims()[0];
        kernels::feed_forward(x, self, rows, pass.mask(activation_dropout))
    }
}

/// `y = Σ p_e · FFN_e(x)` over the `top_k` experts of highest probability p = softmax(router(x)), p not renormalised.
#[derive(Module, Debug)]
pub struct MixtureOfExperts {
    /// `[experts, embed]`
    pub router: Linear,
    /// `None` is the identity expert.
    pub experts: Vec<Option<FeedForward>>,
    top_k: usize,
    /// Tokens over `capacity_factor · tokens / experts` pass by the experts, scaled by their probability; 0: no capacity.
    capacity_factor: f64,
}

impl MixtureOfExperts {
    pub(super) fn new(embed_dim: usize, experts: &Experts, capacity_factor: f64, device: &Device) -> Self {
        let network = |&ffn_dim: &usize| (ffn_dim > 0).then(|| FeedForward::new(embed_dim, ffn_dim, device));
        Self {
            router: Linear::new(embed_dim, experts.ffn_dims.len(), device),
            experts: experts.ffn_dims.iter().map(network).collect(),
            top_k: experts.top_k,
            capacity_factor,
        }
    }

    /// # Shapes
    /// - x, output: `[tokens, embed]`
    pub fn forward(
        &self,
        x: Tensor<2>,
        layer: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, LayerRouting) {
        let unlimited = self.capacity_factor == 0.0 || self.capacity_factor >= 1.0;
        if let ([expert], true) = (self.experts.as_slice(), unlimited) {
            // One expert has probability 1 whatever the router says: its gradient is exactly 0.
            let routing = single_expert_routing(layer, &x);
            let y = match expert {
                Some(network) => network.forward(x, rates.expert_activation, pass),
                None => x,
            };
            return (y, routing);
        }
        let probabilities = softmax(self.router.forward(x.clone()), 1); // [tokens, experts]
        let assignment = Arc::new(self.assign(&probabilities, layer, pass));
        let mut entries = kernels::gather(x, &assignment); // [entries, embed], sorted by expert
        let mut start = 0;
        for (expert, &size) in self.experts.iter().zip(&assignment.group_sizes) {
            let rows = start..start + size;
            start += size;
            // Entries of identity experts, and those over capacity at the end, stay as they are.
            if let (Some(network), 1..) = (expert, size) {
                entries = kernels::feed_forward(entries, network, rows, pass.mask(rates.expert_activation));
            }
        }
        let y = kernels::combine(entries, probabilities.clone(), &assignment);
        let routing = LayerRouting {
            layer,
            experts: assignment.experts.clone(),
            top_k: self.top_k,
            counts: assignment.counts.clone(),
            probability_sums: probabilities.sum_dim(0).squeeze_dim(0),
        };
        (y, routing)
    }

    fn assign(&self, probabilities: &Tensor<2>, layer: usize, pass: &Pass) -> Assignment {
        let host: Vec<f32> = probabilities.clone().inner().into_data().try_into_vec().expect("probabilities are f32");
        let tokens = probabilities.dims()[0];
        let capacity = (self.capacity_factor > 0.0)
            .then(|| (self.capacity_factor * tokens as f64 / self.experts.len() as f64) as usize);
        assign(&host, self.experts.len(), self.top_k, capacity, pass.seed ^ layer as u64)
    }
}

fn single_expert_routing(layer: usize, x: &Tensor<2>) -> LayerRouting {
    let tokens = x.dims()[0];
    LayerRouting {
        layer,
        experts: vec![0; tokens],
        top_k: 1,
        counts: vec![tokens as u64],
        probability_sums: Tensor::from_data([tokens as f32], &x.device().inner()),
    }
}
