//! Output projection, label-smoothed cross-entropy and their gradients as one operator, in blocks of rows: logits of the
//! whole batch are never held.

use super::vector;
use crate::model::loss::LossSums;
use crate::text::PAD;
use burn::backend::Flex;
use burn::tensor::{Float, Tensor};
use rayon::prelude::*;

/// Logits that one block may hold: 8 MiB.
const BLOCK_ELEMENTS: usize = 2 * 1024 * 1024;

/// Losses, and the gradients of their label-smoothed sum.
pub struct Step {
    /// The sums; `objective` is left 0.
    pub sums: LossSums,
    /// `[rows, embed]`
    pub hidden_gradient: Tensor<2>,
    /// `[vocab, embed]`
    pub table_gradient: Tensor<2>,
}

/// The losses alone.
///
/// # Shapes
/// - hidden: `[rows, embed]`
/// - table: `[vocab, embed]`
/// - target: `[rows]` ids; padding rows count nothing
pub fn forward(hidden: Tensor<2>, table: Tensor<2>, target: &[u32], smoothing: f64) -> LossSums {
    let vocab = table.dims()[0];
    let mut sums = LossSums::default();
    for block in blocks(target, vocab) {
        let logits = rows_of(&hidden, &block).matmul(table.clone().transpose());
        let (_, part) = softmax_loss(logits, &block, target, smoothing, false);
        sums.add(&part);
    }
    sums
}

/// The losses and their gradients; shapes as in [`forward`].
pub fn forward_backward(hidden: Tensor<2>, table: Tensor<2>, target: &[u32], smoothing: f64) -> Step {
    let [rows, embed] = hidden.dims();
    let [vocab, _] = table.dims();
    let device = hidden.device();
    let mut sums = LossSums::default();
    let mut hidden_gradient = Tensor::zeros([rows, embed], &device);
    let mut table_gradient: Option<Tensor<2>> = None;
    for block in blocks(target, vocab) {
        let inputs = rows_of(&hidden, &block);
        let logits = inputs.clone().matmul(table.clone().transpose());
        let (delta, part) = softmax_loss(logits, &block, target, smoothing, true);
        sums.add(&part);
        let index = crate::model::embedding::ids(&block, &device);
        let inputs_gradient = delta.clone().matmul(table.clone());
        hidden_gradient = hidden_gradient.select_assign(0, index, inputs_gradient, burn::tensor::IndexingUpdateOp::Add);
        let gradient = delta.transpose().matmul(inputs);
        table_gradient = Some(match table_gradient {
            None => gradient,
            Some(sum) => sum + gradient,
        });
    }
    let table_gradient = table_gradient.unwrap_or_else(|| Tensor::zeros([vocab, embed], &device));
    Step { sums, hidden_gradient, table_gradient }
}

/// Indices of rows with a real target, in blocks.
fn blocks(target: &[u32], vocab: usize) -> Vec<Vec<u32>> {
    let real: Vec<u32> = (0..target.len() as u32).filter(|&row| target[row as usize] != PAD).collect();
    let rows = (BLOCK_ELEMENTS / vocab.max(1)).max(16);
    real.chunks(rows).map(<[u32]>::to_vec).collect()
}

fn rows_of(hidden: &Tensor<2>, rows: &[u32]) -> Tensor<2> {
    if rows.len() == hidden.dims()[0] {
        return hidden.clone();
    }
    hidden.clone().select(0, crate::model::embedding::ids(rows, &hidden.device()))
}

/// Loss sums of a block of logits. With `differentiate` the logits become the gradient of the loss with respect to them:
/// softmax - (1-ε)·onehot - ε/V.
fn softmax_loss(
    logits: Tensor<2>,
    block: &[u32],
    target: &[u32],
    smoothing: f64,
    differentiate: bool,
) -> (Tensor<2>, LossSums) {
    let vocab = logits.dims()[1];
    let mut primitive = logits.try_into_primitive::<Flex>().expect("the kernel is called on the CPU only");
    let rows = primitive.storage_mut::<f32>();
    let uniform = smoothing / vocab as f64;
    let losses: Vec<(f64, f64)> = rows
        .par_chunks_exact_mut(vocab)
        .zip(block)
        .map(|(row, &index)| {
            let label = target[index as usize] as usize;
            let (largest, total, chosen) = (vector::max(row), f64::from(vector::sum(row)), row[label]);
            let exponentials = vector::exp_shifted(row, largest);
            let log_sum = f64::from(largest) + f64::from(exponentials).ln();
            let nll = log_sum - f64::from(chosen);
            let all = vocab as f64 * log_sum - total; // Σ_v -log p_v
            if differentiate {
                vector::scale_and_shift(row, 1.0 / exponentials, -uniform as f32);
                row[label] -= (1.0 - smoothing) as f32;
            }
            ((1.0 - smoothing) * nll + uniform * all, nll)
        })
        .collect();
    let mut sums = LossSums { tokens: block.len(), ..LossSums::default() };
    for (loss, nll) in losses {
        sums.loss += loss;
        sums.nll += nll;
    }
    (Tensor::<2, Float>::from_primitive::<Flex>(primitive), sums)
}
