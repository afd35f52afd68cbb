//! Parameters of an architecture as it is cut out of the supernet, every matrix by the rows and columns it really has.
//!
//! A linear map has a weight for each input of each output, and its biases; a LayerNorm twice its width. Identity experts and
//! dropped sublayers have none, positions neither.

use super::routing::{Prices, RoutingFractions};
use crate::config::{Config, Tables};
use crate::error::Result;
use crate::plan::{Operator, Owner, Plan, Step};
use crate::space::Architecture;

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
    let prices = Prices::of(Plan::new(architecture, qkv_dim), weights);
    let always = prices.always();
    let [_, worst] = prices.bounds();
    Parameters {
        total: (always + prices.experts()) as u64,
        active: always as f64 + prices.mean(),
        active_worst: (always + worst) as u64,
    }
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
    let prices = Prices::of(Plan::new(architecture, qkv_dim), weights);
    Ok(prices.always() as f64 + prices.expected(fractions)?)
}

/// The reference's own count, embeddings left out: of each layer with experts it leaves the router out and takes
/// `max_experts` experts, the architecture's own at their sizes and the others, which the architecture does not use, at
/// the layer's `*_ffn_embed_dim`. Without experts it is the same as [`Parameters::total`].
pub fn reference_convention(architecture: &Architecture, qkv_dim: usize, max_experts: usize) -> u64 {
    let own = Prices::of(Plan::new(architecture, qkv_dim), |step| match step.owner {
        Owner::Router => 0,
        _ => weights(step),
    });
    let mut one_each = architecture.clone();
    for layer in one_each.encoder.layers.iter_mut().chain(&mut one_each.decoder.layers) {
        if let Some(experts) = &mut layer.experts {
            experts.ffn_dims = vec![layer.ffn_embed_dim];
        }
    }
    let one_each = Prices::of(Plan::new(&one_each, qkv_dim), weights);
    let layers = own.layers.iter().zip(&one_each.layers);
    let unused = layers.map(|(own, one)| max_experts.saturating_sub(own.experts.len()) as u128 * one.all_experts());
    (own.always() + own.experts() + unused.sum::<u128>()) as u64
}

/// The weights of a step.
fn weights(step: &Step) -> u128 {
    match step.operator {
        Operator::Linear { inputs, outputs } => (inputs as u128 + 1) * outputs as u128,
        Operator::LayerNorm { width } => 2 * width as u128,
        Operator::Attention { .. } | Operator::Mixture { .. } => 0,
    }
}

/// The vocabularies and their embedding tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embeddings {
    /// Entries of the source vocabulary.
    pub source_vocab: usize,
    /// Entries of the target vocabulary.
    pub target_vocab: usize,
    /// Their tables.
    pub tables: Tables,
}

impl Embeddings {
    /// The tables that `config` asks for, with these entries in the source's and the target's vocabulary.
    pub fn of(config: &Config, [source_vocab, target_vocab]: [usize; 2]) -> Self {
        Self { source_vocab, target_vocab, tables: config.model.tables() }
    }

    /// Name and shape, `[entries, width]`, of each table; one that both stacks share is as wide as the wider of them.
    pub fn shapes(&self, architecture: &Architecture) -> Vec<(&'static str, [usize; 2])> {
        let [encoder, decoder] = [&architecture.encoder, &architecture.decoder].map(|stack| stack.embed_dim);
        let source = |width| ("encoder.embed_tokens", [self.source_vocab, width]);
        let target = |name| (name, [self.target_vocab, decoder]);
        match self.tables {
            Tables::Shared => vec![source(encoder.max(decoder))],
            Tables::Tied => vec![source(encoder), target("decoder.embed_tokens")],
            Tables::Separate => vec![source(encoder), target("decoder.embed_tokens"), target("decoder.embed_out")],
        }
    }

    /// Parameters of the tables.
    pub fn parameters(&self, architecture: &Architecture) -> u64 {
        let tables = self.shapes(architecture).into_iter();
        tables.map(|(_, [entries, width])| entries as u64 * width as u64).sum()
    }
}
