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

use super::routing::{Prices, RoutingFractions};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::plan::{Operator, Plan, Step, Tokens};
use crate::space::{Architecture, MAX_WIDTH};

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
    let lengths = [dimensions.sentence_length; 2];
    let prices = prices(architecture, dimensions.qkv_dim, lengths);
    let fixed = embeddings(architecture, lengths) + prices.always();
    let [least, worst] = prices.bounds();
    Flops {
        least: 2 * (fixed + least),
        mean: 2.0 * (fixed as f64 + prices.mean()),
        worst: 2 * (fixed + worst),
        projection: projection(architecture, dimensions.vocab_size, dimensions.sentence_length),
    }
}

/// FLOPs of one pass over a source and a target of so many tokens each, all experts of a layer equally likely, the output
/// projection to `vocab_size` entries included.
fn pass_flops(architecture: &Architecture, qkv_dim: usize, vocab_size: usize, lengths: [usize; 2]) -> f64 {
    let prices = prices(architecture, qkv_dim, lengths);
    let fixed = embeddings(architecture, lengths) + prices.always();
    2.0 * (fixed as f64 + prices.mean()) + projection(architecture, vocab_size, lengths[1]) as f64
}

/// FLOPs of training on a pair of sentences of so many tokens: one pass, and a backward pass of twice as many, as is usually
/// counted (Kaplan et al. 2020, section 2.1).
pub fn training_flops(architecture: &Architecture, qkv_dim: usize, vocab_size: usize, lengths: [usize; 2]) -> f64 {
    3.0 * pass_flops(architecture, qkv_dim, vocab_size, lengths)
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
    let lengths = [dimensions.sentence_length; 2];
    let prices = prices(architecture, dimensions.qkv_dim, lengths);
    let fixed = embeddings(architecture, lengths) + prices.always();
    Ok(2.0 * (fixed as f64 + prices.expected(fractions)?))
}

/// FLOPs of the output projection of `tokens` tokens.
pub fn projection(architecture: &Architecture, vocab_size: usize, tokens: usize) -> u128 {
    2 * tokens as u128 * architecture.decoder.embed_dim as u128 * vocab_size as u128
}

/// Multiplications of the embeddings and positions of both sides, which have `lengths` tokens.
fn embeddings(architecture: &Architecture, lengths: [usize; 2]) -> u128 {
    let widths = [architecture.encoder.embed_dim, architecture.decoder.embed_dim];
    lengths.into_iter().zip(widths).map(|(tokens, width)| tokens as u128 * (width as u128 + 1)).sum()
}

/// Multiplications of the layers; an expert's as if all tokens were sent to it.
fn prices(architecture: &Architecture, qkv_dim: usize, lengths: [usize; 2]) -> Prices {
    Prices::of(Plan::new(architecture, qkv_dim), |step| multiplications(step, lengths))
}

/// Multiplications of a step where source and target have these many tokens.
fn multiplications(step: &Step, [source, target]: [usize; 2]) -> u128 {
    let count = |tokens: Tokens| tokens.count(source, target) as u128;
    let tokens = count(step.tokens);
    match step.operator {
        Operator::Linear { inputs, outputs } => tokens * inputs as u128 * outputs as u128,
        Operator::Attention { qkv_dim, keys, .. } => {
            let products = 2 * tokens * count(keys) * qkv_dim as u128;
            products + tokens * qkv_dim as u128 + 3
        }
        Operator::LayerNorm { width } => tokens * width as u128,
        Operator::Mixture { width, top_k } => top_k as u128 * tokens * width as u128 + 1,
    }
}
