//! The feed-forward sublayer: dense, or a mixture of experts with top-k routing.
//!
//! Tokens are sorted by expert once; each expert then sees one contiguous block, nothing is padded.

use super::dropout::DropoutRates;
use super::embedding::ids;
use super::linear::Linear;
use super::pass::{LayerRouting, Pass};
use super::routing::{Assignment, assign};
use crate::space::Experts;
use burn::module::Module;
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor};

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
        let hidden = pass.dropout(relu(self.fc1.forward(x)), activation_dropout); // [tokens, ffn]
        self.fc2.forward(hidden)
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
    /// Tokens over `capacity_factor · tokens / experts` pass through unchanged; 0: no capacity.
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
            return (run_expert(expert, x, rates, pass), routing);
        }
        let tokens = x.dims()[0];
        let device = x.device().inner();
        let probabilities = softmax(self.router.forward(x.clone()), 1); // [tokens, experts]
        let assignment = self.assign(&probabilities, layer, pass);

        let order = ids(&assignment.token_order, &device); // sorted entry → token
        let sorted = x.select(0, order.clone());
        let outputs = self.run_groups(sorted, &assignment, rates, pass);

        let chosen = ids(&assignment.probability_order, &device); // sorted entry → its place in `probabilities`
        let gates = probabilities.clone().reshape([tokens * self.experts.len()]).select(0, chosen);
        let scaled = outputs * gates.unsqueeze_dim::<2>(1);

        let entries = scaled.select(0, ids(&assignment.inverse_order, &device)); // [rank · tokens, embed]
        let embed = entries.dims()[1];
        let y = if self.top_k == 1 {
            entries
        } else {
            entries.reshape([self.top_k, tokens, embed]).sum_dim(0).squeeze_dim(0)
        };
        let routing = LayerRouting {
            layer,
            experts: assignment.experts,
            top_k: self.top_k,
            counts: assignment.counts,
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

    /// Each expert over its block of the sorted tokens; the last block holds tokens over capacity, which pass through.
    fn run_groups(
        &self,
        sorted: Tensor<2>,
        assignment: &Assignment,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let embed = sorted.dims()[1];
        let mut outputs = Vec::with_capacity(assignment.group_sizes.len());
        let mut start = 0;
        for (group, &size) in assignment.group_sizes.iter().enumerate() {
            if size == 0 {
                continue;
            }
            let block = sorted.clone().slice([start..start + size, 0..embed]);
            outputs.push(match self.experts.get(group) {
                Some(expert) => run_expert(expert, block, rates, pass),
                None => block,
            });
            start += size;
        }
        Tensor::cat(outputs, 0)
    }
}

fn run_expert(expert: &Option<FeedForward>, x: Tensor<2>, rates: &DropoutRates, pass: &mut Pass) -> Tensor<2> {
    match expert {
        Some(network) => network.forward(x, rates.expert_activation, pass),
        None => x,
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
