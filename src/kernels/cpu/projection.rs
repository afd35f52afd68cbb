//! Output projection, label-smoothed cross-entropy and their gradients as one operator, in blocks of rows: logits of the
//! whole batch are never held.

use super::matrix::{Matrix, contiguous, primitive, tensor};
use super::product::Weight;
use super::vector;
use crate::kernels::loss_sums::LossSums;
use crate::kernels::targets::{SoftTargets, Targets};
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
/// - targets: of `[rows]`
pub fn forward(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>) -> LossSums {
    let (hidden, table) = (real_rows(hidden, targets.ids), primitive(table));
    let (hidden, table) = (Matrix::of(&hidden), Weight::of(&table));
    let mut sums = LossSums::default();
    let mut logits = Vec::new();
    let mut teacher = Teacher::of(&targets);
    for_each_block(targets.ids, table.dims()[0], |start, labels| {
        table.output(hidden.rows(start, labels.len())).refill(&mut logits);
        let predicted = teacher.as_mut().map(|teacher| teacher.logits(start, labels.len()));
        sums.add(&softmax_loss(&mut logits, predicted, labels, &targets, false));
    });
    sums
}

/// The losses and their gradients; shapes as in [`forward`].
pub fn forward_backward(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>) -> LossGradients {
    let [rows, embed] = hidden.dims();
    let target = targets.ids;
    let (hidden, table) = (real_rows(hidden, target), primitive(table));
    let (hidden, table) = (Matrix::of(&hidden), Weight::of(&table));
    let [vocab, _] = table.dims();
    let mut sums = LossSums::default();
    let mut hidden_gradient = vec![0.0; hidden.dims()[0] * embed];
    let mut table_gradient = Vec::new();
    let mut logits = Vec::new();
    let mut teacher = Teacher::of(&targets);
    for_each_block(target, vocab, |start, labels| {
        let inputs = hidden.rows(start, labels.len());
        table.output(inputs).refill(&mut logits);
        let predicted = teacher.as_mut().map(|teacher| teacher.logits(start, labels.len()));
        sums.add(&softmax_loss(&mut logits, predicted, labels, &targets, true));
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

/// The model that soft targets come from, as far as a block needs it.
struct Teacher {
    /// `[real rows, embed]`
    hidden: FlexTensor,
    /// `[vocab, embed]`
    table: FlexTensor,
    logits: Vec<f32>,
}

impl Teacher {
    /// The one of `targets`, where they have soft ones.
    fn of(targets: &Targets<'_>) -> Option<Self> {
        let SoftTargets { hidden, table, .. } = targets.soft?;
        let hidden = real_rows(hidden.clone(), targets.ids);
        Some(Self { hidden, table: primitive(table.clone()), logits: Vec::new() })
    }

    /// Its logits of `rows` rows from `start` on, `[rows, vocab]`.
    fn logits(&mut self, start: usize, rows: usize) -> &mut [f32] {
        let inputs = Matrix::of(&self.hidden).rows(start, rows);
        Weight::of(&self.table).output(inputs).refill(&mut self.logits);
        &mut self.logits
    }
}

/// Loss sums of a block of logits `[rows, vocab]`, `teacher` being those of soft targets. With `differentiate` the logits become
/// the gradient of the loss with respect to them.
fn softmax_loss(
    logits: &mut [f32],
    teacher: Option<&mut [f32]>,
    labels: &[u32],
    targets: &Targets<'_>,
    differentiate: bool,
) -> LossSums {
    let vocab = logits.len() / labels.len();
    let teacher: Vec<Option<&mut [f32]>> = match teacher {
        Some(teacher) => teacher.chunks_exact_mut(vocab).map(Some).collect(),
        None => labels.iter().map(|_| None).collect(),
    };
    let rows = logits.par_chunks_exact_mut(vocab).zip(labels).zip(teacher);
    let losses: Vec<(f64, f64)> =
        rows.map(|((row, &label), teacher)| row_loss(row, teacher, label as usize, targets, differentiate)).collect();
    let mut sums = LossSums { tokens: labels.len(), ..LossSums::default() };
    for (loss, nll) in losses {
        sums.loss += loss;
        sums.nll += nll;
    }
    sums
}

/// The loss of a row of logits, and its negative log-likelihood. With `differentiate` the row becomes the gradient
/// softmax - (1-s)·((1-ε)·onehot + ε/V) - s·p, where p is the softmax of `teacher` and s its share.
fn row_loss(
    row: &mut [f32],
    teacher: Option<&mut [f32]>,
    label: usize,
    targets: &Targets<'_>,
    differentiate: bool,
) -> (f64, f64) {
    let (smoothing, vocab) = (targets.smoothing, row.len());
    let uniform = smoothing / vocab as f64;
    let (largest, chosen) = (vector::max(row), row[label]);
    let total = if smoothing == 0.0 { 0.0 } else { f64::from(vector::sum(row)) };
    let soft = teacher.map(|teacher| {
        let shift = vector::max(teacher);
        let exponentials = vector::exp_shifted(teacher, shift);
        vector::scale_and_shift(teacher, 1.0 / exponentials, 0.0);
        let expected = f64::from(vector::dot(teacher, row)); // Σ_v p_v · logit_v
        (teacher, expected)
    });
    let exponentials = vector::exp_shifted(row, largest);
    let log_sum = f64::from(largest) + f64::from(exponentials).ln();
    let nll = log_sum - f64::from(chosen);
    let all = vocab as f64 * log_sum - total; // Σ_v -log p_v
    let hard = targets.hard_share();
    let mut loss = hard * ((1.0 - smoothing) * nll + uniform * all);
    if differentiate {
        vector::scale_and_shift(row, 1.0 / exponentials, -(hard * uniform) as f32);
        row[label] -= (hard * (1.0 - smoothing)) as f32;
    }
    if let Some((probabilities, expected)) = soft {
        let share = 1.0 - hard;
        loss += share * (log_sum - expected);
        if differentiate {
            vector::add_scaled(row, probabilities, -share as f32);
        }
    }
    (loss, nll)
}
