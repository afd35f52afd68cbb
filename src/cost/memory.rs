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

/// What a training holds of weights, in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trained {
    /// All shared parameters, those that a rule of weight sharing adds included.
    pub parameters: u64,
    /// Of these the ones that are trained, and so have moments and gradients.
    pub moved: u64,
    /// The weights of the largest architecture.
    pub subnet: u64,
    /// Whether an update sums the gradients of several micro-batches: the sum is held while the next backward pass makes others.
    pub sums: bool,
    /// Whether an update trains several architectures: the sum over those before is held beside.
    pub several: bool,
}

/// An estimate of the bytes held while a supernet, or a model alone, is trained: weights, the moments of those that are trained,
/// the largest subnet's copy of its weights, and gradients.
pub fn training_bytes(trained: Trained) -> u64 {
    let Trained { parameters, moved, subnet, sums, several } = trained;
    let gradients = subnet.max(moved) + u64::from(sums) * subnet + u64::from(several) * moved;
    BYTES * (parameters + 2 * moved + subnet + gradients)
}

/// The largest batch of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LargestBatch {
    /// Padded tokens of either side.
    pub tokens: usize,
    /// Of these in each sentence.
    pub length: usize,
    /// Whether the predictions of another model are learned from.
    pub taught: bool,
}

/// About the bytes that an update on a graphics device holds of a batch at its peak: what each step of `architecture` keeps of
/// the forward pass for the backward pass, and the gradients on their way. Each token counts with the largest experts.
pub fn batch_bytes(architecture: &Architecture, qkv_dim: usize, target_vocab: usize, batch: LargestBatch) -> u64 {
    let LargestBatch { tokens, length, taught } = batch;
    let prices = Prices::of(Plan::new(architecture, qkv_dim), |step| {
        let tokens = step.tokens.count(length, length);
        let arrays = match step.operator {
            Operator::Linear { outputs, .. } => outputs,
            // Weights and the context.
            Operator::Attention { heads, qkv_dim, keys } => heads * keys.count(length, length) + qkv_dim,
            Operator::LayerNorm { width } => ARRAYS_OF_NORM * width,
            Operator::Mixture { width, top_k } => ARRAYS_OF_MIXTURE * top_k * width,
        };
        (tokens * arrays) as u128
    });
    let [_, experts] = prices.bounds();
    // Sentences that are somewhat shorter fill what whole ones of this length leave free.
    let of_sentences = ((prices.always() + experts) * tokens as u128).div_ceil(length.max(1) as u128);
    let logits = tokens.saturating_mul(target_vocab).min(LOGITS_OF_BLOCK);
    let arrays_of_logits = ARRAYS_OF_LOGITS + usize::from(taught);
    let of_batch = of_sentences + (arrays_of_logits * logits) as u128;
    u64::try_from(u128::from(BYTES) * of_batch).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_holds_weights_moments_and_the_gradients_that_are_summed() {
        let trained = Trained { parameters: 100, moved: 100, subnet: 100, sums: false, several: false };
        // Weights, two moments, the subnet's weights, gradients.
        assert_eq!(training_bytes(trained), 4 * 500);
        assert_eq!(training_bytes(Trained { sums: true, ..trained }), 4 * 600);
        assert_eq!(training_bytes(Trained { sums: true, several: true, ..trained }), 4 * 700);
        // Copies that are mixed have moments and gradients, too.
        assert_eq!(training_bytes(Trained { parameters: 130, moved: 130, ..trained }), 4 * (4 * 130 + 100));
        // Corrections alone have moments; gradients are of the subnet's weights at first.
        assert_eq!(training_bytes(Trained { parameters: 110, moved: 10, ..trained }), 4 * (110 + 20 + 100 + 100));
    }

    #[test]
    fn a_batch_counts_by_its_tokens_and_a_teacher_by_its_logits() {
        let model = Architecture::dense(32, 48, 4, 2, 2);
        let bytes = |tokens, taught| batch_bytes(&model, 64, 1000, LargestBatch { tokens, length: 10, taught });
        assert_eq!(bytes(200, false), 2 * bytes(100, false));
        assert_eq!(bytes(105, false), 21 * bytes(5, false));
        assert_eq!(bytes(200, true) - bytes(200, false), 4 * 200 * 1000);
        // Of a long sentence each token has more to attend to.
        let longer = LargestBatch { tokens: 200, length: 100, taught: false };
        assert!(batch_bytes(&model, 64, 1000, longer) > bytes(200, false));
    }
}
