//! Bytes of weights, and of what a batch needs beside them, in single precision.

use super::parameters::{Embeddings, parameters};
use super::routing::Prices;
use crate::plan::{Operator, Plan};
use crate::space::Architecture;

/// Bytes of one number.
pub(super) const BYTES: u64 = 4;

/// Arrays as large as its result that a linear map holds on a graphics device: the result, and its gradient. These and the
/// following are somewhat more than what an allocator was seen to reserve (`cargo bench -- device`).
const ARRAYS_OF_LINEAR: usize = 2;
/// Arrays of scores: before and after softmax and dropout, and gradients.
const ARRAYS_OF_SCORES: usize = 4;
/// Arrays of queries, keys, values and contexts, head by head.
const ARRAYS_OF_HEADS: usize = 4;
/// Arrays of a LayerNorm with the dropout and the residual before it.
const ARRAYS_OF_NORM: usize = 3;
/// Arrays of tokens sorted by expert, and of their sum.
const ARRAYS_OF_MIXTURE: usize = 3;
/// Arrays of logits: themselves, probabilities, and gradients.
const ARRAYS_OF_LOGITS: usize = 3;

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
            Operator::Linear { outputs, .. } => ARRAYS_OF_LINEAR * outputs,
            Operator::Attention { heads, qkv_dim, keys } => {
                ARRAYS_OF_SCORES * heads * keys.count(source_len, target_len) + ARRAYS_OF_HEADS * qkv_dim
            }
            Operator::LayerNorm { width } => ARRAYS_OF_NORM * width,
            Operator::Mixture { width, top_k } => ARRAYS_OF_MIXTURE * top_k * width,
        };
        (tokens * arrays) as u128
    });
    let [_, experts] = prices.bounds();
    let logits = ARRAYS_OF_LOGITS * target_len * target_vocab;
    let of_sentence = prices.always() + experts + logits as u128;
    u64::try_from(u128::from(BYTES) * of_sentence * sentences as u128).unwrap_or(u64::MAX)
}
