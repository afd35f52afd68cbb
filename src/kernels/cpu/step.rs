//! Self-attention of one step of incremental decoding, a hypothesis a task: earlier positions are read where they were
//! written.

use super::matrix::{Matrix, tensor};
use super::vector;
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

/// See [`step_attention`](crate::kernels::operators::step_attention).
pub fn attend(positions: &[FlexTensor], heads: usize, ancestors: &[Vec<u32>]) -> FlexTensor {
    let positions: Vec<Matrix> = positions.iter().map(Matrix::of).collect();
    let [rows, width] = positions.last().map_or([0, 0], Matrix::dims);
    let width = width / 3;
    let mut context = vec![0.0; rows * width];
    context.par_chunks_mut(width.max(1)).enumerate().for_each_init(Vec::new, |scratch, (row, context)| {
        let history =
            positions.iter().enumerate().map(|(position, matrix)| matrix.row(ancestors[position][row] as usize));
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
            *weight = vector::lane_dot(query, &position[width + start..width + start + dim]) * scale;
        }
        vector::softmax(weights);
        for (&weight, position) in weights.iter().zip(history) {
            let value = &position[2 * width + start..2 * width + start + dim];
            context.iter_mut().zip(value).for_each(|(out, x)| *out += weight * x);
        }
    }
}
