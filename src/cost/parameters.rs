//! Parameters of an architecture as it is cut out of the supernet, every matrix by the rows and columns it really has.
//!
//! With q = `qkv_dim`: an attention has `in_proj` `[3q, inputs]` (keys and values of cross-attention: the encoder's
//! width), `out_proj` `[d, q]`, and both biases; a feed-forward network `[ffn, d]`, `[d, ffn]` and both biases; a LayerNorm
//! 2d; a router `[n, d]` and n. Identity experts and dropped sublayers have none, positions neither.

use super::routing::{self, RoutingFractions, priced_experts};
use crate::config::Config;
use crate::error::Result;
use crate::space::{Architecture, Layer, Stack};

/// Numbers of parameters, embeddings left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// All experts of the architecture and the routers.
    pub total: u64,
    /// What one token passes where all experts of a layer are equally likely: routers count in full.
    pub active: f64,
    /// What one token passes where it is sent to the largest experts.
    pub active_worst: u64,
}

impl Parameters {
    /// The share of parameters that a token does not pass, 0 to 1: `1 - active / total`.
    pub fn sparsity(&self) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        1.0 - self.active / self.total as f64
    }
}

/// Counts the parameters of `architecture`.
pub fn parameters(architecture: &Architecture, qkv_dim: usize) -> Parameters {
    let fixed = fixed(architecture, qkv_dim) + routers(architecture);
    let experts = priced_experts(architecture, feed_forward);
    let total: u128 = experts.iter().map(|layer| layer.total()).sum();
    let mean: f64 = experts.iter().map(|layer| layer.mean()).sum();
    let worst: u128 = experts.iter().map(|layer| layer.worst()).sum();
    Parameters { total: fixed + total as u64, active: fixed as f64 + mean, active_worst: fixed + worst as u64 }
}

/// Parameters that a token is expected to pass under measured routing, embeddings left out.
///
/// # Errors
/// Fractions that do not fit the architecture.
pub fn expected_active_parameters(
    architecture: &Architecture,
    qkv_dim: usize,
    fractions: &RoutingFractions,
) -> Result<f64> {
    let experts = priced_experts(architecture, feed_forward);
    let fixed = fixed(architecture, qkv_dim) + routers(architecture);
    Ok(fixed as f64 + routing::expected(&experts, fractions)?)
}

/// The reference's own count, embeddings left out: of each layer with experts it leaves the router out and takes
/// `max_experts` experts, the architecture's own at their sizes and the others, which the architecture does not use, at
/// the layer's `*_ffn_embed_dim`. Without experts it is the same as [`Parameters::total`].
pub fn reference_convention(architecture: &Architecture, qkv_dim: usize, max_experts: usize) -> u64 {
    let own: u128 = priced_experts(architecture, feed_forward).iter().map(|layer| layer.total()).sum();
    let unused: u64 = layers(architecture)
        .filter_map(|(stack, layer)| {
            let experts = layer.experts.as_ref().filter(|_| layer.keep_ffn)?;
            let unused = max_experts.saturating_sub(experts.ffn_dims.len()) as u64;
            Some(unused * feed_forward(stack.embed_dim, layer.ffn_embed_dim) as u64)
        })
        .sum();
    fixed(architecture, qkv_dim) + own as u64 + unused
}

/// The vocabularies and which embedding tables they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embeddings {
    /// Entries of the source vocabulary.
    pub source_vocab: usize,
    /// Entries of the target vocabulary.
    pub target_vocab: usize,
    /// One table for source, target and output projection.
    pub share_all: bool,
    /// One table for target and output projection.
    pub share_decoder_input_output: bool,
}

impl Embeddings {
    /// The tables that `config` asks for, with these entries in the source's and the target's vocabulary.
    pub fn of(config: &Config, [source_vocab, target_vocab]: [usize; 2]) -> Self {
        Self {
            source_vocab,
            target_vocab,
            share_all: config.model.share_all_embeddings,
            share_decoder_input_output: config.model.share_decoder_input_output_embed,
        }
    }

    /// Parameters of the tables; one that both stacks share is as wide as the wider of them.
    pub fn parameters(&self, architecture: &Architecture) -> u64 {
        let encoder = architecture.encoder.embed_dim as u64;
        let decoder = architecture.decoder.embed_dim as u64;
        if self.share_all {
            return self.source_vocab as u64 * encoder.max(decoder);
        }
        let decoder_tables = if self.share_decoder_input_output { 1 } else { 2 };
        self.source_vocab as u64 * encoder + decoder_tables * self.target_vocab as u64 * decoder
    }
}

/// Attentions, LayerNorms and dense feed-forward networks.
fn fixed(architecture: &Architecture, qkv_dim: usize) -> u64 {
    let encoder_width = architecture.encoder.embed_dim;
    let of_layer = |(stack, layer): (&Stack, &Layer)| {
        let width = stack.embed_dim;
        let layer_norm = 2 * width as u64;
        let mut count = 0;
        if layer.keep_attention {
            count += attention(qkv_dim, width, width) + layer_norm;
            if layer.cross_attention.is_some() {
                count += attention(qkv_dim, width, encoder_width) + layer_norm;
            }
        }
        if layer.keep_ffn {
            count += layer_norm;
            if layer.experts.is_none() {
                count += feed_forward(width, layer.ffn_embed_dim) as u64;
            }
        }
        count
    };
    layers(architecture).map(of_layer).sum()
}

fn routers(architecture: &Architecture) -> u64 {
    layers(architecture)
        .filter_map(|(stack, layer)| {
            let experts = layer.experts.as_ref().filter(|_| layer.keep_ffn)?;
            Some((stack.embed_dim as u64 + 1) * experts.ffn_dims.len() as u64)
        })
        .sum()
}

/// An attention of queries of width `query_width` over keys and values of width `key_width`.
fn attention(qkv_dim: usize, query_width: usize, key_width: usize) -> u64 {
    let [q, query_width, key_width] = [qkv_dim, query_width, key_width].map(|size| size as u64);
    let in_proj = q * query_width + 2 * q * key_width + 3 * q;
    let out_proj = query_width * q + query_width;
    in_proj + out_proj
}

/// A feed-forward network; 0 for an identity expert, whose size is 0.
fn feed_forward(width: usize, size: usize) -> u128 {
    let (width, size) = (width as u128, size as u128);
    if size == 0 {
        return 0;
    }
    2 * width * size + size + width
}

fn layers(architecture: &Architecture) -> impl Iterator<Item = (&Stack, &Layer)> {
    [&architecture.encoder, &architecture.decoder]
        .into_iter()
        .flat_map(|stack| stack.layers.iter().map(move |layer| (stack, layer)))
}
