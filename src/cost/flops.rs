//! Floating-point operations of one forward pass over a pair of dummy sentences, to the digit as the reference counts them.
//!
//! FLOPs are 2 × multiplications. With L tokens (eos included), width d and q = `qkv_dim`, the multiplications are
//! - a linear layer: L · inputs · outputs (keys and values of cross-attention: on 1, 2 or 3 times L tokens);
//! - an attention: its two matrix products, 2 · L · keys · q (the decoder's self-attention in full, masked or not), the
//!   scaling of the queries, L · q, and 3 more of bookkeeping;
//! - LayerNorm: L · d; embeddings: L · d for each side, and 2 · L for the positions of both;
//! - a layer with experts: the router L · d · n, the experts that each token is sent to, the scaling by their
//!   probabilities top_k · L · d, and 1 more.
//!
//! Look-ups, softmax, ReLU, biases and additions count nothing, nor does a dropped sublayer or its LayerNorm. An identity
//! expert multiplies nothing but is scaled like others. The output projection is kept apart.

use super::routing::{self, RoutingFractions, priced_experts};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::space::Architecture;
use crate::space::architecture::{Layer, MAX_WIDTH, Stack};

/// The longest dummy sentence, in tokens.
const MAX_SENTENCE: usize = 1 << 20;
/// The largest vocabulary.
const MAX_VOCABULARY: usize = u32::MAX as usize;

/// What FLOPs depend on besides the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
    /// Tokens of the dummy source and of the dummy target, eos included (30 for WMT, 23 for IWSLT).
    pub sentence_length: usize,
    /// Entries of the vocabulary that the output is projected to.
    pub vocab_size: usize,
}

impl Dimensions {
    /// Dimensions that keep every count within range.
    ///
    /// # Errors
    /// A value that is 0 or absurdly large, by its key in the config.
    pub fn new(qkv_dim: usize, sentence_length: usize, vocab_size: usize) -> Result<Self> {
        for (key, value, most) in [
            ("model.qkv_dim", qkv_dim, MAX_WIDTH),
            ("cost.sentence_length", sentence_length, MAX_SENTENCE),
            ("cost.vocab_size", vocab_size, MAX_VOCABULARY),
        ] {
            if value < 1 || value > most {
                let message = format!("{key}: {value} is not between 1 and {most}");
                return Err(Error::input(message));
            }
        }
        Ok(Self { qkv_dim, sentence_length, vocab_size })
    }

    /// The dimensions that `config` asks for; `cost.vocab_size` = 0 means the data's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(config: &Config) -> Result<Self> {
        let vocab_size = match config.cost.vocab_size {
            0 => config.data.vocab_size,
            size => size,
        };
        Self::new(config.model.qkv_dim, config.cost.sentence_length, vocab_size)
    }
}

/// FLOPs of one pass. Without experts, or with experts of one size a layer, `least`, `mean` and `worst` are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flops {
    /// Every token goes to the cheapest experts; without the output projection.
    pub least: u128,
    /// All experts of a layer are equally likely; without the output projection.
    pub mean: f64,
    /// Every token goes to the dearest experts; without the output projection.
    pub worst: u128,
    /// The output projection ("last layer").
    pub projection: u128,
}

/// Counts the FLOPs of `architecture`.
pub fn flops(architecture: &Architecture, dimensions: &Dimensions) -> Flops {
    let fixed = fixed(architecture, dimensions);
    let experts = priced_experts(architecture, |d, ffn| feed_forward(dimensions, d, ffn));
    let least: u128 = experts.iter().map(|layer| layer.least()).sum();
    let mean: f64 = experts.iter().map(|layer| layer.mean()).sum();
    let worst: u128 = experts.iter().map(|layer| layer.worst()).sum();
    let tokens = dimensions.sentence_length as u128;
    let width = architecture.decoder.embed_dim as u128;
    Flops {
        least: 2 * (fixed + least),
        mean: 2.0 * (fixed as f64 + mean),
        worst: 2 * (fixed + worst),
        projection: 2 * tokens * width * dimensions.vocab_size as u128,
    }
}

/// FLOPs without the output projection that are expected under measured routing.
///
/// # Errors
/// Fractions that do not fit the architecture.
pub fn expected_flops(
    architecture: &Architecture,
    dimensions: &Dimensions,
    fractions: &RoutingFractions,
) -> Result<f64> {
    let experts = priced_experts(architecture, |d, ffn| feed_forward(dimensions, d, ffn));
    let expected = routing::expected(&experts, fractions)?;
    Ok(2.0 * (fixed(architecture, dimensions) as f64 + expected))
}

/// Multiplications that do not depend on routing.
fn fixed(architecture: &Architecture, dimensions: &Dimensions) -> u128 {
    let Architecture { encoder, decoder } = architecture;
    let tokens = dimensions.sentence_length as u128;
    let widths = (encoder.embed_dim + decoder.embed_dim) as u128;
    let embeddings = tokens * widths + 2 * tokens;
    embeddings + stack(encoder, encoder, dimensions) + stack(decoder, encoder, dimensions)
}

fn stack(stack: &Stack, encoder: &Stack, dimensions: &Dimensions) -> u128 {
    let layers = stack.layers.iter();
    layers.map(|layer| attentions(layer, stack, encoder, dimensions) + ffn(layer, stack, dimensions)).sum()
}

/// Self-attention and, in the decoder, cross-attention, each with its LayerNorm.
fn attentions(layer: &Layer, stack: &Stack, encoder: &Stack, dimensions: &Dimensions) -> u128 {
    if !layer.keep_attention {
        return 0;
    }
    let tokens = dimensions.sentence_length;
    let width = stack.embed_dim;
    let layer_norm = tokens as u128 * width as u128;
    let own = attention(dimensions, width, width, tokens) + layer_norm;
    let cross = layer.cross_attention.map_or(0, |cross| {
        let outputs = cross.encoder_layers.min(encoder.layers.len());
        attention(dimensions, width, encoder.embed_dim, outputs * tokens) + layer_norm
    });
    own + cross
}

/// One attention of L queries of width `query_width` over `keys` keys of width `key_width`.
fn attention(dimensions: &Dimensions, query_width: usize, key_width: usize, keys: usize) -> u128 {
    let q = dimensions.qkv_dim as u128;
    let tokens = dimensions.sentence_length as u128;
    let (query_width, key_width, keys) = (query_width as u128, key_width as u128, keys as u128);
    let queries_and_output = 2 * tokens * query_width * q;
    let keys_and_values = 2 * keys * key_width * q;
    let products = 2 * tokens * keys * q;
    queries_and_output + keys_and_values + products + tokens * q + 3
}

/// The feed-forward sublayer with its LayerNorm, experts left out.
fn ffn(layer: &Layer, stack: &Stack, dimensions: &Dimensions) -> u128 {
    if !layer.keep_ffn {
        return 0;
    }
    let features = dimensions.sentence_length as u128 * stack.embed_dim as u128;
    let inner = match &layer.experts {
        None => feed_forward(dimensions, stack.embed_dim, layer.ffn_embed_dim),
        Some(experts) => {
            let router = features * experts.ffn_dims.len() as u128;
            router + experts.top_k as u128 * features + 1
        }
    };
    features + inner
}

/// The two linear layers of a feed-forward network; 0 for an identity expert, whose size is 0.
fn feed_forward(dimensions: &Dimensions, width: usize, size: usize) -> u128 {
    2 * dimensions.sentence_length as u128 * width as u128 * size as u128
}
