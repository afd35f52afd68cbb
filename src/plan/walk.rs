//! The steps of every layer, in the order that tokens take them.

use super::step::{Operator, Owner, Step, Tokens};
use crate::space::{Architecture, Experts, Layer, Side, Stack};

/// The plan of an architecture: what tokens pass between the embeddings and the output projection.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The architecture.
    pub architecture: &'a Architecture,
    /// Features of queries, keys and values, all heads together.
    pub qkv_dim: usize,
}

/// The plan of one layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerPlan<'a> {
    /// Where the layer is.
    pub side: Side,
    /// Which one, from 0.
    pub index: usize,
    plan: Plan<'a>,
    width: usize,
    layer: &'a Layer,
}

impl<'a> Plan<'a> {
    /// The plan of `architecture` with `qkv_dim` features of queries, keys and values.
    pub fn new(architecture: &'a Architecture, qkv_dim: usize) -> Self {
        Self { architecture, qkv_dim }
    }

    /// The layers, those of the encoder first.
    pub fn layers(self) -> impl Iterator<Item = LayerPlan<'a>> {
        let Architecture { encoder, decoder } = self.architecture;
        let of = move |side, stack: &'a Stack| {
            let layers = stack.layers.iter().enumerate();
            layers.map(move |(index, layer)| LayerPlan { side, index, plan: self, width: stack.embed_dim, layer })
        };
        of(Side::Encoder, encoder).chain(of(Side::Decoder, decoder))
    }

    /// Name and shape of each parameter, embedding tables left out.
    pub fn parameters(self) -> Vec<(String, Vec<usize>)> {
        let mut parameters = Vec::new();
        for layer in self.layers() {
            let place = format!("{}.layers.{}", layer.side.name(), layer.index);
            layer.walk(|step| {
                let named = step.parameters().into_iter();
                parameters.extend(named.map(|(name, shape)| (format!("{place}.{name}"), shape)));
            });
        }
        parameters
    }
}

impl<'a> LayerPlan<'a> {
    /// The experts, where the layer has some.
    pub fn experts(&self) -> Option<&'a Experts> {
        self.layer.experts.as_ref().filter(|_| self.layer.keep_ffn)
    }

    /// Visits each step. A dropped sublayer and an identity expert have none.
    pub fn walk(&self, mut visit: impl FnMut(Step)) {
        if self.layer.keep_attention {
            self.self_attention(&mut visit);
            self.cross_attention(&mut visit);
        }
        if self.layer.keep_ffn {
            self.feed_forward(&mut visit);
        }
    }

    fn self_attention(&self, visit: &mut impl FnMut(Step)) {
        let (width, qkv_dim, tokens) = (self.width, self.plan.qkv_dim, self.tokens());
        let mut step = |name, operator| visit(Step { owner: Owner::SelfAttention, name, tokens, operator });
        step("self_attn.in_proj", linear(width, 3 * qkv_dim));
        step("self_attn", Operator::Attention { heads: self.layer.self_attention_heads, qkv_dim, keys: tokens });
        step("self_attn.out_proj", linear(qkv_dim, width));
        step("self_attn_layer_norm", Operator::LayerNorm { width });
    }

    fn cross_attention(&self, visit: &mut impl FnMut(Step)) {
        let Some(cross) = self.layer.cross_attention else {
            return;
        };
        let (width, qkv_dim, encoder) = (self.width, self.plan.qkv_dim, &self.plan.architecture.encoder);
        let memory = Tokens::Source(cross.encoder_layers.min(encoder.layers.len()));
        let mut step = |name, tokens, operator| visit(Step { owner: Owner::CrossAttention, name, tokens, operator });
        step("cross_attn.q_proj", Tokens::Target, linear(width, qkv_dim));
        step("cross_attn.kv_proj", memory, linear(encoder.embed_dim, 2 * qkv_dim));
        let attention = Operator::Attention { heads: cross.heads, qkv_dim, keys: memory };
        step("cross_attn", Tokens::Target, attention);
        step("cross_attn.out_proj", Tokens::Target, linear(qkv_dim, width));
        step("cross_attn_layer_norm", Tokens::Target, Operator::LayerNorm { width });
    }

    fn feed_forward(&self, visit: &mut impl FnMut(Step)) {
        let (width, tokens) = (self.width, self.tokens());
        let mut step = |owner, name, operator| visit(Step { owner, name, tokens, operator });
        match &self.layer.experts {
            None => {
                step(Owner::FeedForward, "ffn.fc1", linear(width, self.layer.ffn_embed_dim));
                step(Owner::FeedForward, "ffn.fc2", linear(self.layer.ffn_embed_dim, width));
            }
            Some(Experts { ffn_dims, top_k }) => {
                step(Owner::Router, "moe.router", linear(width, ffn_dims.len()));
                for (expert, &size) in ffn_dims.iter().enumerate().filter(|(_, size)| **size > 0) {
                    step(Owner::Expert(expert), "fc1", linear(width, size));
                    step(Owner::Expert(expert), "fc2", linear(size, width));
                }
                step(Owner::Router, "moe", Operator::Mixture { width, top_k: *top_k });
            }
        }
        step(Owner::FeedForward, "ffn_layer_norm", Operator::LayerNorm { width });
    }

    fn tokens(&self) -> Tokens {
        match self.side {
            Side::Encoder => Tokens::Source(1),
            Side::Decoder => Tokens::Target,
        }
    }
}

fn linear(inputs: usize, outputs: usize) -> Operator {
    Operator::Linear { inputs, outputs }
}
