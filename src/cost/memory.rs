//! Bytes of weights, and of what a batch needs beside them, in single precision.

use super::parameters::{Embeddings, parameters};
use super::routing::Prices;
use crate::plan::{Operator, Plan};
use crate::space::Architecture;

/// Bytes of one number.
pub(super) const BYTES: u64 = 4;

/// Logits that a graphics device holds at a time; more are projected in blocks.
pub const LOGITS_OF_BLOCK: usize = 32 * 1024 * 1024;

/// Arrays of a LayerNorm that a graphics device holds: its result, and the rows normalised. With the following, and one for the
/// result of each other step, the sum is mostly somewhat more than an allocator was seen to reserve (`cargo bench -- device`).
const ARRAYS_OF_NORM: usize = 2;
/// Arrays of tokens sorted by expert, and of their sum.
const ARRAYS_OF_MIXTURE: usize = 3;
/// Arrays of a block's logits: themselves, and what a product needs beside them.
const ARRAYS_OF_LOGITS: usize = 2;

/// Bytes of all weights of `architecture`, embeddings and unused experts included. (On the CPU, decoding holds those of
/// linear maps once more, in the order it reads them.)
pub fn inference_bytes(architecture: &Architecture, qkv_dim: usize, embeddings: &Embeddings) -> u64 {
    let weights = parameters(architecture, qkv_dim).total + embeddings.parameters(architecture);
    BYTES * weights
}

/// An estimate of the bytes held while `subnet`, cut out of `supernet`, is trained: the supernet's weights and their two
/// moments, the subnet's copy of its weights and its gradients.
pub fn training_bytes(supernet: &Architecture, subnet: &Architecture, qkv_dim: usize, embeddings: &Embeddings) -> u64 {
    let of = |architecture| inference_bytes(architecture, qkv_dim, embeddings);
    3 * of(supernet) + 2 * of(subnet)
}

/// The sizes of a padded batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// Rows.
    pub sentences: usize,
    /// Columns of the source.
    pub source_len: usize,
    /// Columns of the target.
    pub target_len: usize,
}

/// About the bytes that an update on a graphics device holds of a batch at its peak: what each step of `architecture` keeps of
/// the forward pass for the backward pass, and the gradients on their way. Each token counts with the largest experts.
pub fn batch_bytes(architecture: &Architecture, qkv_dim: usize, target_vocab: usize, batch: Rectangle) -> u64 {
    let Rectangle { sentences, source_len, target_len } = batch;
    let prices = Prices::of(Plan::new(architecture, qkv_dim), |step| {
        let tokens = step.tokens.count(source_len, target_len);
        let arrays = match step.operator {
            Operator::Linear { outputs, .. } => outputs,
            // Weights and the context.
            Operator::Attention { heads, qkv_dim, keys } => heads * keys.count(source_len, target_len) + qkv_dim,
            Operator::LayerNorm { width } => ARRAYS_OF_NORM * width,
            Operator::Mixture { width, top_k } => ARRAYS_OF_MIXTURE * top_k * width,
        };
        (tokens * arrays) as u128
    });
    let [_, experts] = prices.bounds();
    let logits = sentences.saturating_mul(target_len).saturating_mul(target_vocab).min(LOGITS_OF_BLOCK);
    let of_batch = (prices.always() + experts) * sentences as u128 + (ARRAYS_OF_LOGITS * logits) as u128;
    u64::try_from(u128::from(BYTES) * of_batch).unwrap_or(u64::MAX)
}
