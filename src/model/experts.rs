//! The feed-forward sublayer: dense, or a mixture of experts with top-k routing.
//!
//! Tokens are sorted by expert once; each expert then sees one contiguous block, nothing is padded. On the CPU one expert
//! follows another; on graphics devices routing, too, is on the device, and each product is one launch for all experts.

#[cfg(feature = "gpu")]
mod grouped;

use super::config::DropoutRates;
use super::linear::Linear;
use super::pass::{LayerRouting, Pass};
use super::weights::declare::{Declare, Init};
use crate::device::to_host;
use crate::kernels::capabilities::groups_experts;
use crate::kernels::{Assignment, LinearMap, assign, operators};
use crate::space::Experts;
use burn::module::{Module, Param};
use burn::tensor::{IndexingUpdateOp, Tensor};
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
    /// A network of `ffn_dim` hidden elements.
    pub fn new(embed_dim: usize, ffn_dim: usize, declare: &Declare) -> Self {
        Self { fc1: Linear::new(embed_dim, ffn_dim, declare), fc2: Linear::new(ffn_dim, embed_dim, declare) }
    }

    /// # Shapes
    /// - x, output: `[tokens, embed]`
    pub fn forward(&self, x: Tensor<2>, activation_dropout: f64, pass: &mut Pass) -> Tensor<2> {
        let rows = 0..x.dims()[0];
        operators::feed_forward(x, self.tensors(), rows, pass.mask(activation_dropout))
    }

    fn tensors(&self) -> [LinearMap<'_>; 2] {
        [self.fc1.tensors(), self.fc2.tensors()]
    }
}

/// `y = Σ p_e · FFN_e(x)` over the `top_k` experts of highest probability p = softmax(router(x)), p not renormalised.
#[derive(Module, Debug)]
pub struct MixtureOfExperts {
    /// `[experts, embed]`
    pub router: Linear,
    /// `None` is the identity expert. Empty on graphics devices, which have them `grouped`.
    pub experts: Vec<Option<FeedForward>>,
    /// The same on graphics devices.
    pub grouped: Option<GroupedExperts>,
    /// FFN width of each expert; 0 is the identity.
    ffn_dims: Vec<usize>,
    top_k: usize,
    /// In training, tokens over `capacity_factor · tokens / experts` pass by the experts, scaled by their probability; 0: no
    /// capacity.
    capacity_factor: f64,
}

/// All experts of a layer, their parameters one above the other. F is the FFN width of the widest; the others use the first of
/// its elements.
#[derive(Module, Debug)]
pub struct GroupedExperts {
    /// `[experts, F, embed]`
    pub fc1: GroupedLinear,
    /// `[experts, embed, F]`
    pub fc2: GroupedLinear,
}

/// A linear map for each expert.
#[derive(Module, Debug)]
pub struct GroupedLinear {
    /// `[experts, output, input]`
    pub weight: Param<Tensor<3>>,
    /// `[experts, output]`
    pub bias: Param<Tensor<2>>,
}

impl GroupedExperts {
    fn new(embed_dim: usize, ffn_dims: &[usize], declare: &Declare) -> Self {
        let experts = ffn_dims.len();
        // Identity experts alone have parameters too, of width 1, which nothing uses.
        let ffn = ffn_dims.iter().copied().max().unwrap_or(0).max(1);
        let linear = |input, output| GroupedLinear {
            // They are filled from experts one by one, which declare how they begin.
            weight: declare.parameter([experts, output, input], Init::Constant(0.0)),
            bias: declare.parameter([experts, output], Init::Constant(0.0)),
        };
        Self { fc1: linear(embed_dim, ffn), fc2: linear(ffn, embed_dim) }
    }
}

impl MixtureOfExperts {
    /// A layer of `experts`, with a capacity where `capacity_factor` is not 0.
    pub fn new(embed_dim: usize, experts: &Experts, capacity_factor: f64, declare: &Declare) -> Self {
        let ffn_dims = experts.ffn_dims.clone();
        let of_router = Init::Uniform((embed_dim as f64).powf(-0.5));
        let router = Linear::beginning(embed_dim, ffn_dims.len(), [of_router; 2], declare);
        let top_k = experts.top_k;
        let network = |&ffn_dim: &usize| (ffn_dim > 0).then(|| FeedForward::new(embed_dim, ffn_dim, declare));
        let (experts, grouped) = match groups_experts(declare.device()) {
            true => (Vec::new(), Some(GroupedExperts::new(embed_dim, &ffn_dims, declare))),
            false => (ffn_dims.iter().map(network).collect(), None),
        };
        Self { router, experts, grouped, ffn_dims, top_k, capacity_factor }
    }

    /// Tokens that `pass` does not route give zeros.
    ///
    /// # Shapes
    /// - x, output: `[tokens, embed]`
    pub fn forward(
        &self,
        x: Tensor<2>,
        layer: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, LayerRouting) {
        let Some(routed) = pass.routed() else {
            return self.forward_routed(x, layer, rates, pass);
        };
        let zeros = x.zeros_like();
        let (y, routing) = self.forward_routed(x.select(0, routed.clone()), layer, rates, pass);
        (zeros.select_assign(0, routed, y, IndexingUpdateOp::Add), routing)
    }

    fn forward_routed(
        &self,
        x: Tensor<2>,
        layer: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, LayerRouting) {
        match &self.grouped {
            #[cfg(feature = "gpu")]
            Some(grouped) => self.forward_grouped(x, grouped, layer, rates, pass),
            _ => self.forward_one_by_one(x, layer, rates, pass),
        }
    }

    fn forward_one_by_one(
        &self,
        x: Tensor<2>,
        layer: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, LayerRouting) {
        if let ([expert], true) = (self.experts.as_slice(), self.router_decides_nothing(pass)) {
            let tokens = x.dims()[0];
            let sums = Tensor::from_data([tokens as f32], &x.device().inner());
            let routing = LayerRouting::of_host(layer, 1, &vec![0; tokens], &[tokens as u64], sums);
            let y = match expert {
                Some(network) => network.forward(x, rates.expert_activation, pass),
                None => x,
            };
            return (y, routing);
        }
        let (probabilities, sums) = operators::gate(self.router.forward(x.clone()));
        let assignment = Arc::new(self.assign(&probabilities, layer, pass));
        let mut entries = operators::gather(x, &assignment); // [entries, embed], sorted by expert
        let mut start = 0;
        for (expert, &size) in self.experts.iter().zip(&assignment.group_sizes) {
            let rows = start..start + size;
            start += size;
            // Entries of identity experts, and those over capacity at the end, stay as they are.
            if let (Some(network), 1..) = (expert, size) {
                entries = operators::feed_forward(entries, network.tensors(), rows, pass.mask(rates.expert_activation));
            }
        }
        let y = operators::combine(entries, probabilities, &assignment);
        (y, LayerRouting::of_host(layer, self.top_k, &assignment.experts, &assignment.counts, sums))
    }

    /// Whether there is one expert only, without a capacity that any token exceeds. It has probability 1 whatever the router
    /// says, whose gradient is exactly 0.
    fn router_decides_nothing(&self, pass: &Pass) -> bool {
        self.ffn_dims.len() == 1 && (!self.has_capacity(pass) || self.capacity_factor >= 1.0)
    }

    /// Whether experts take only so many tokens of a batch. At inference none is dropped for its neighbours' sake.
    fn has_capacity(&self, pass: &Pass) -> bool {
        pass.is_training() && self.capacity_factor > 0.0
    }

    fn assign(&self, probabilities: &Tensor<2>, layer: usize, pass: &Pass) -> Assignment {
        let [tokens, experts] = probabilities.dims();
        let host = to_host(probabilities.clone().inner());
        let capacity =
            self.has_capacity(pass).then(|| (self.capacity_factor * tokens as f64 / experts as f64) as usize);
        assign(&host, experts, self.top_k, capacity, pass.seed ^ layer as u64)
    }
}
