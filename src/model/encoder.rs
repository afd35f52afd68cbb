//! The encoder: post-norm layers of self-attention and feed-forward, `x = LN(x + dropout(sublayer(x)))`.

use super::attention::SelfAttention;
use super::config::{DropoutRates, StackConfig};
use super::experts::{FeedForward, MixtureOfExperts};
use super::linear::LayerNorm;
use super::pass::{LayerRouting, Pass};
use super::weights::declare::{Declare, Init};
use crate::kernels::operators::drop_out;
use crate::space::Layer;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// Token embeddings and layers.
#[derive(Module, Debug)]
pub struct Encoder {
    /// `[vocab, embed]`; as wide as the wider stack where the decoder shares it.
    pub embed_tokens: Param<Tensor<2>>,
    /// The layers in use.
    pub layers: Vec<EncoderLayer>,
}

/// One encoder layer; a dropped sublayer is `None`.
#[derive(Module, Debug)]
pub struct EncoderLayer {
    /// Self-attention.
    pub self_attn: Option<SelfAttention>,
    /// After self-attention.
    pub self_attn_layer_norm: Option<LayerNorm>,
    /// Dense feed-forward network.
    pub ffn: Option<FeedForward>,
    /// Mixture of experts, in place of `ffn`.
    pub moe: Option<MixtureOfExperts>,
    /// After the feed-forward sublayer.
    pub ffn_layer_norm: Option<LayerNorm>,
}

impl Encoder {
    pub(super) fn new(vocab: usize, table_dim: usize, stack: &StackConfig, declare: &Declare) -> Self {
        Self {
            embed_tokens: declare.parameter([vocab, table_dim], Init::Table { looked_up: true }),
            layers: stack.layers.iter().map(|layer| EncoderLayer::new(layer, stack, declare)).collect(),
        }
    }

    /// Outputs of the last `keep` layers, last first, each `[batch · source, embed]`.
    pub(super) fn forward(
        &self,
        embedded: Tensor<2>,
        batch: usize,
        mask: Option<Tensor<4>>,
        keep: usize,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> Vec<Tensor<2>> {
        let mut x = drop_out(embedded, pass.mask(rates.sublayer));
        let mut outputs = Vec::with_capacity(keep);
        for (index, layer) in self.layers.iter().enumerate() {
            let (output, routing) = layer.forward(x, index, batch, mask.clone(), rates, pass);
            pass.encoder_routing.extend(routing);
            x = output;
            if index + keep >= self.layers.len() {
                outputs.insert(0, x.clone());
            }
        }
        outputs
    }
}

impl EncoderLayer {
    fn new(layer: &Layer, stack: &StackConfig, declare: &Declare) -> Self {
        let dim = stack.embed_dim;
        let attention = layer.keep_attention;
        let (ffn, moe) = feed_forward(layer, stack, declare);
        Self {
            self_attn: attention.then(|| SelfAttention::new(dim, stack.qkv_dim, layer.self_attention_heads, declare)),
            self_attn_layer_norm: attention.then(|| LayerNorm::new(dim, declare)),
            ffn,
            moe,
            ffn_layer_norm: layer.keep_ffn.then(|| LayerNorm::new(dim, declare)),
        }
    }

    /// # Shapes
    /// - x, output: `[batch · source, embed]`
    fn forward(
        &self,
        mut x: Tensor<2>,
        index: usize,
        batch: usize,
        mask: Option<Tensor<4>>,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, Option<LayerRouting>) {
        if let (Some(attention), Some(norm)) = (&self.self_attn, &self.self_attn_layer_norm) {
            let attended = attention.forward(x.clone(), batch, mask, rates.attention_weights, pass);
            x = norm.of_sum(x, attended, rates.self_attention, pass);
        }
        feed_forward_sublayer(x, index, (&self.ffn, &self.moe, &self.ffn_layer_norm), rates, pass)
    }
}

/// The dense network or the experts of `layer`, neither where the sublayer is dropped.
pub(super) fn feed_forward(
    layer: &Layer,
    stack: &StackConfig,
    declare: &Declare,
) -> (Option<FeedForward>, Option<MixtureOfExperts>) {
    let dim = stack.embed_dim;
    match &layer.experts {
        _ if !layer.keep_ffn => (None, None),
        None => (Some(FeedForward::new(dim, layer.ffn_embed_dim, declare)), None),
        Some(experts) => {
            let moe = MixtureOfExperts::new(dim, experts, stack.capacity_factor, declare);
            (None, Some(moe))
        }
    }
}

/// The feed-forward sublayer of either stack, with its residual and LayerNorm.
pub(super) fn feed_forward_sublayer(
    x: Tensor<2>,
    index: usize,
    (ffn, moe, norm): (&Option<FeedForward>, &Option<MixtureOfExperts>, &Option<LayerNorm>),
    rates: &DropoutRates,
    pass: &mut Pass,
) -> (Tensor<2>, Option<LayerRouting>) {
    let Some(norm) = norm else {
        return (x, None);
    };
    match (ffn, moe) {
        (Some(ffn), _) => {
            let y = ffn.forward(x.clone(), rates.activation, pass);
            (norm.of_sum(x, y, rates.sublayer, pass), None)
        }
        (None, Some(moe)) => {
            let (y, routing) = moe.forward(x.clone(), index, rates, pass);
            (norm.of_sum(x, y, rates.expert_sublayer, pass), Some(routing))
        }
        (None, None) => (x, None),
    }
}
