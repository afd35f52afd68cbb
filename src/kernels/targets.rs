//! What a model's predictions are compared with.

use burn::tensor::Tensor;

/// The targets of a batch's predictions.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// `[batch · target]` ids, a row each; padding counts nothing.
    pub ids: &'a [u32],
    /// ε of the ids' label smoothing.
    pub smoothing: f64,
    /// Another model's predictions, which take a share of the loss.
    pub soft: Option<&'a SoftTargets>,
}

/// What another model, the teacher, predicts for the same rows, p(v) = softmax(hidden · table), without autodiff. Its logits are
/// computed again where they are needed: `[rows, vocab]` numbers would take many times the memory.
#[derive(Debug, Clone)]
pub struct SoftTargets {
    /// `[batch · target, embed of the teacher]`
    pub hidden: Tensor<2>,
    /// `[vocab, embed of the teacher]`, in the precision that the products are in
    pub table: Tensor<2>,
    /// The share, 0 to 1, of the loss that is cross-entropy with p; the rest is that of the ids.
    pub share: f64,
}

impl<'a> Targets<'a> {
    /// The ids alone, smoothed by `smoothing`.
    pub fn hard(ids: &'a [u32], smoothing: f64) -> Self {
        Self { ids, smoothing, soft: None }
    }

    /// The share of the loss that is the ids'.
    pub(super) fn hard_share(&self) -> f64 {
        1.0 - self.soft.map_or(0.0, |soft| soft.share)
    }
}
