//! Tokens to their experts and back, on slices.

use super::matrix::Matrix;
use crate::kernels::routing::Assignment;
use rayon::prelude::*;

/// Rows that one task takes.
const PIECE: usize = 64;

/// The rows of x `[tokens, embed]` in the order of `assignment`: `[entries, embed]`.
pub fn gather(x: Matrix, assignment: &Assignment) -> Vec<f32> {
    each_row(assignment.token_order.len(), x.dims()[1], |entry, out| {
        out.copy_from_slice(x.row(assignment.token_order[entry] as usize));
    })
}

/// Each token's sum over its entries: what [`gather`] is the transpose of.
pub fn scatter(entries: Matrix, assignment: &Assignment) -> Vec<f32> {
    let tokens = assignment.tokens();
    each_row(tokens, entries.dims()[1], |token, out| {
        for place in (token..assignment.inverse_order.len()).step_by(tokens) {
            let row = entries.row(assignment.inverse_order[place] as usize);
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x);
        }
    })
}

/// Each token's sum over its entries times their probabilities; `probabilities` is `[tokens, experts]` row-major.
pub fn combine(entries: Matrix, probabilities: &[f32], assignment: &Assignment) -> Vec<f32> {
    let tokens = assignment.tokens();
    each_row(tokens, entries.dims()[1], |token, out| {
        for place in (token..assignment.inverse_order.len()).step_by(tokens) {
            let entry = assignment.inverse_order[place] as usize;
            let gate = probabilities[assignment.probability_order[entry] as usize];
            out.iter_mut().zip(entries.row(entry)).for_each(|(out, x)| *out += x * gate);
        }
    })
}

/// Gradients of the entries and of the probabilities; `gradient` is [`combine`]'s output's.
pub fn combine_backward(
    gradient: Matrix,
    entries: Matrix,
    probabilities: &[f32],
    assignment: &Assignment,
) -> (Vec<f32>, Vec<f32>) {
    let token = |entry: usize| gradient.row(assignment.token_order[entry] as usize);
    let gate = |entry: usize| assignment.probability_order[entry] as usize;
    let [count, embed] = entries.dims();
    let entries_gradient = each_row(count, embed, |entry, out| {
        let gate = probabilities[gate(entry)];
        out.iter_mut().zip(token(entry)).for_each(|(out, g)| *out = g * gate);
    });
    let slopes: Vec<f32> = (0..count)
        .into_par_iter()
        .with_min_len(PIECE)
        .map(|entry| entries.row(entry).iter().zip(token(entry)).map(|(x, g)| x * g).sum())
        .collect();
    let mut probabilities_gradient = vec![0.0; probabilities.len()];
    slopes.into_iter().enumerate().for_each(|(entry, slope)| probabilities_gradient[gate(entry)] = slope);
    (entries_gradient, probabilities_gradient)
}

/// A matrix of zeros whose rows `fill` fills.
fn each_row(rows: usize, width: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; rows * width];
    out.par_chunks_mut(PIECE * width).enumerate().for_each(|(piece, chunk)| {
        chunk.chunks_exact_mut(width).enumerate().for_each(|(row, out)| fill(piece * PIECE + row, out));
    });
    out
}
