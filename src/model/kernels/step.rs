//! Self-attention of one step of incremental decoding, a hypothesis a task: earlier positions are read where they were
//! written.

use super::cpu::tensor;
use super::matrix::Matrix;
use super::vector::{self, LANES};
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

/// See [`super::step_attention`].
pub fn attend(positions: &[FlexTensor], heads: usize, ancestors: &[Vec<u32>]) -> FlexTensor {
    let positions: Vec<Matrix> = positions.iter().map(Matrix::of).collect();
    let [rows, width] = positions.last().map_or([0, 0], Matrix::dims);
    let width = width / 3;
    let mut context = vec![0.0; rows * width];
    context.par_chunks_mut(width.max(1)).enumerate().for_each_init(Vec::new, |scratch, (row, context)| {
        let history = positions.iter().enumerate().map(|(position, matrix)| {
            let ancestor = ancestors.get(position).map_or(row, |rows| rows[row] as usize);
            matrix.row(ancestor)
        });
        let history: Vec<&[f32]> = history.collect();
        attend_row(&history, heads, scratch, context);
    });
    tensor(context, [rows, width])
}

/// `history` holds queries, keys and values of each position; the last one's query attends.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn attend_row(history: &[&[f32]], heads: usize, weights: &mut Vec<f32>, context: &mut [f32]) {
    let width = context.len();
    let dim = width / heads;
    let scale = (dim as f32).powf(-0.5);
    let query = &history[history.len() - 1][..width];
    weights.resize(history.len(), 0.0);
    for (head, context) in context.chunks_exact_mut(dim).enumerate() {
        let start = head * dim;
        let query = &query[start..start + dim];
        for (weight, position) in weights.iter_mut().zip(history) {
            *weight = dot(query, &position[width + start..width + start + dim]) * scale;
        }
        let largest = weights.iter().copied().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        weights.iter_mut().for_each(|x| *x = vector::exp(*x - largest));
        let inverse = 1.0 / vector::lane_sum(weights, |x| x);
        for (weight, position) in weights.iter().zip(history) {
            let value = &position[2 * width + start..2 * width + start + dim];
            let weight = weight * inverse;
            context.iter_mut().zip(value).for_each(|(out, x)| *out += weight * x);
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        lanes.iter_mut().zip(a).zip(b).for_each(|((lane, a), b)| *lane += a * b);
    }
    lanes.iter().sum::<f32>() + rest
}
