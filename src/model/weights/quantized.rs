//! Weights in 8-bit integers.

use crate::kernels::operators::quantized;
use crate::model::attention::{CrossAttention, SelfAttention};
use crate::model::experts::{FeedForward, MixtureOfExperts};
use crate::model::linear::Linear;
use crate::model::transformer::Transformer;
use std::sync::OnceLock;

impl Transformer {
    /// Quantises the weights of linear maps and the output projection, for inference on the CPU.
    pub(super) fn quantize(&mut self) {
        for linear in self.linear_maps() {
            linear.panels = OnceLock::from(quantized(linear.weight.val()));
        }
        self.projection = OnceLock::from(quantized(self.projection_table()));
    }

    /// All but the routers.
    fn linear_maps(&mut self) -> Vec<&mut Linear> {
        let of_encoder = self.encoder.layers.iter_mut().flat_map(|layer| {
            let attention = layer.self_attn.iter_mut().flat_map(of_self_attention);
            attention.chain(of_networks(&mut layer.ffn, &mut layer.moe))
        });
        let of_decoder = self.decoder.layers.iter_mut().flat_map(|layer| {
            let attention = layer.self_attn.iter_mut().flat_map(of_self_attention);
            let cross = layer.cross_attn.iter_mut().flat_map(of_cross_attention);
            attention.chain(cross).chain(of_networks(&mut layer.ffn, &mut layer.moe))
        });
        of_encoder.chain(of_decoder).collect()
    }
}

fn of_self_attention(attention: &mut SelfAttention) -> [&mut Linear; 2] {
    [&mut attention.in_proj, &mut attention.out_proj]
}

fn of_cross_attention(attention: &mut CrossAttention) -> [&mut Linear; 3] {
    [&mut attention.q_proj, &mut attention.kv_proj, &mut attention.out_proj]
}

fn of_networks<'a>(
    dense: &'a mut Option<FeedForward>,
    mixture: &'a mut Option<MixtureOfExperts>,
) -> impl Iterator<Item = &'a mut Linear> {
    let experts = mixture.iter_mut().flat_map(|mixture| mixture.experts.iter_mut().flatten());
    dense.iter_mut().chain(experts).flat_map(|network| [&mut network.fc1, &mut network.fc2])
}
