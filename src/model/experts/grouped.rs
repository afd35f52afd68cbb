//! A mixture of experts on graphics devices: routing, too, is on the device, and each product is one launch for all experts.

use super::{GroupedExperts, MixtureOfExperts};
use crate::kernels::capabilities::routes;
use crate::kernels::operators::{gate, mixture};
use crate::kernels::{ExpertWeights, Routing};
use crate::model::config::DropoutRates;
use crate::model::pass::{LayerRouting, Pass};
use burn::tensor::Tensor;
use std::sync::Arc;

impl MixtureOfExperts {
    pub(super) fn forward_grouped(
        &self,
        x: Tensor<2>,
        grouped: &GroupedExperts,
        layer: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, LayerRouting) {
        let device = x.device().inner();
        let [tokens, _] = x.dims();
        let experts = self.ffn_dims.len();
        let (probabilities, sums) = match experts {
            1 if self.router_decides_nothing(pass) => {
                let device = x.device();
                (Tensor::ones([tokens, 1], &device), Tensor::from_data([tokens as f32], &device))
            }
            _ => gate(self.router.forward(x.clone())),
        };
        let sizes: Vec<i32> = self.ffn_dims.iter().map(|&size| size as i32).collect();
        let sizes = Tensor::from_data(sizes.as_slice(), &device);
        // Which tokens overflow is drawn on the host: that waits for the device.
        let on_host = self.has_capacity(pass) || !routes(experts);
        let routing = if on_host {
            Routing::upload(&self.assign(&probabilities, layer, pass), sizes, &device)
        } else {
            Routing::route(probabilities.clone().inner(), sizes, self.top_k)
        };
        let routing = Arc::new(routing);
        let mask = pass.mask(rates.expert_activation);
        let y = mixture(x, probabilities, weights(grouped), &routing, mask);
        let experts = routing.experts_of_tokens();
        let counts = routing.counts();
        (y, LayerRouting { layer, top_k: self.top_k, probability_sums: sums, experts, counts })
    }
}

fn weights(grouped: &GroupedExperts) -> ExpertWeights {
    ExpertWeights {
        weight1: grouped.fc1.weight.val(),
        bias1: grouped.fc1.bias.val(),
        weight2: grouped.fc2.weight.val(),
        bias2: grouped.fc2.bias.val(),
    }
}
