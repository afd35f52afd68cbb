//! Output projection, label-smoothed cross-entropy and their gradients as one operator, in blocks of rows: logits of the
//! whole batch are never held.

use super::matrix::{Matrix, contiguous, primitive, tensor};
use super::product::Weight;
use super::vector;
use crate::kernels::loss_sums::LossSums;
use crate::text::PAD;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use rayon::prelude::*;

/// Logits that one block may hold, 16 MiB: they stay in a large cache, and the table is packed a few times only.
const BLOCK_ELEMENTS: usize = 4 * 1024 * 1024;

/// Losses, and the gradients of their label-smoothed sum.
pub struct LossGradients {
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
    let (hidden, table) = (real_rows(hidden, target), primitive(table));
    let (hidden, table) = (Matrix::of(&hidden), Weight::of(&table));
    let mut sums = LossSums::default();
    let mut logits = Vec::new();
    for_each_block(target, table.dims()[0], |start, labels| {
        table.output(hidden.rows(start, labels.len())).refill(&mut logits);
        sums.add(&softmax_loss(&mut logits, labels, smoothing, false));
    });
    sums
}

/// The losses and their gradients; shapes as in [`forward`].
pub fn forward_backward(hidden: Tensor<2>, table: Tensor<2>, target: &[u32], smoothing: f64) -> LossGradients {
    let [rows, embed] = hidden.dims();
    let (hidden, table) = (real_rows(hidden, target), primitive(table));
    let (hidden, table) = (Matrix::of(&hidden), Weight::of(&table));
    let [vocab, _] = table.dims();
    let mut sums = LossSums::default();
    let mut hidden_gradient = vec![0.0; hidden.dims()[0] * embed];
    let mut table_gradient = Vec::new();
    let mut logits = Vec::new();
    for_each_block(target, vocab, |start, labels| {
        let inputs = hidden.rows(start, labels.len());
        table.output(inputs).refill(&mut logits);
        sums.add(&softmax_loss(&mut logits, labels, smoothing, true));
        let delta = Matrix::new(&logits, labels.len(), vocab);
        let block = &mut hidden_gradient[start * embed..(start + labels.len()) * embed];
        table.input_gradient(delta).write(block);
        match start {
            0 => table.gradient(delta, inputs).refill(&mut table_gradient),
            _ => table.gradient(delta, inputs).add_to(&mut table_gradient),
        }
    });
    table_gradient.resize(vocab * embed, 0.0); // There may have been no target at all.
    let hidden_gradient = with_padding(hidden_gradient, target, rows, embed);
    LossGradients {
        sums,
        hidden_gradient: Tensor::from_primitive::<Flex>(tensor(hidden_gradient, [rows, embed])),
        table_gradient: Tensor::from_primitive::<Flex>(tensor(table_gradient, [vocab, embed])),
    }
}

/// Calls `run` with the first of each block of rows that have a target, counted without padding, and the block's targets.
fn for_each_block(target: &[u32], vocab: usize, mut run: impl FnMut(usize, &[u32])) {
    let labels: Vec<u32> = target.iter().copied().filter(|&label| label != PAD).collect();
    let rows = (BLOCK_ELEMENTS / vocab.max(1)).max(16);
    labels.chunks(rows).enumerate().for_each(|(block, labels)| run(block * rows, labels));
}

/// The rows that have a target.
fn real_rows(hidden: Tensor<2>, target: &[u32]) -> FlexTensor {
    if !target.contains(&PAD) {
        return contiguous(primitive(hidden));
    }
    let real: Vec<u32> = (0..target.len() as u32).filter(|&row| target[row as usize] != PAD).collect();
    let device = hidden.device();
    primitive(hidden.select(0, crate::device::ids(&real, &device)))
}

/// The rows of `real` in the places of real targets, zeros in the others.
fn with_padding(real: Vec<f32>, target: &[u32], rows: usize, embed: usize) -> Vec<f32> {
    if real.len() == rows * embed {
        return real;
    }
    let mut out = vec![0.0; rows * embed];
    let places = out.chunks_exact_mut(embed).zip(target).filter(|(_, label)| **label != PAD);
    places.zip(real.chunks_exact(embed)).for_each(|((out, _), row)| out.copy_from_slice(row));
    out
}

/// Loss sums of a block of logits `[rows, vocab]`. With `differentiate` the logits become the gradient of the loss with
/// respect to them: softmax - (1-ε)·onehot - ε/V.
fn softmax_loss(logits: &mut [f32], labels: &[u32], smoothing: f64, differentiate: bool) -> LossSums {
    let vocab = logits.len() / labels.len();
    let uniform = smoothing / vocab as f64;
    let losses: Vec<(f64, f64)> = logits
        .par_chunks_exact_mut(vocab)
        .zip(labels)
        .map(|(row, &label)| {
            let label = label as usize;
            let (largest, chosen) = (vector::max(row), row[label]);
            let total = if smoothing == 0.0 { 0.0 } else { f64::from(vector::sum(row)) };
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
    let mut sums = LossSums { tokens: labels.len(), ..LossSums::default() };
    for (loss, nll) in losses {
        sums.loss += loss;
        sums.nll += nll;
    }
    sums
}
