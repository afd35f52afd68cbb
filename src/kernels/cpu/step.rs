//! Attention of one step of incremental decoding, a hypothesis a task: keys and values are read where they were written.

use super::matrix::{Matrix, elements, tensor};
use super::vector::{self, LANES};
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;

/// See [`step_attention`](crate::kernels::operators::step_attention).
pub fn attend(positions: &[FlexTensor], heads: usize, ancestors: &[Vec<u32>]) -> FlexTensor {
    let positions: Vec<Matrix> = positions.iter().map(Matrix::of).collect();
    let Some(last) = positions.last() else { return tensor(Vec::new(), [0, 0]) };
    let [rows, width] = last.dims();
    let width = width / 3;
    let mut context = vec![0.0; rows * width];
    let each = |(history, scratch): &mut (Vec<_>, Scratch), (row, context): (usize, &mut [f32])| {
        let of_row = positions.iter().zip(ancestors).map(|(position, rows)| &position.row(rows[row] as usize)[width..]);
        history.clear();
        history.extend(of_row);
        attend_row(&last.row(row)[..width], history, heads, None, scratch, context);
    };
    context.par_chunks_mut(width.max(1)).enumerate().for_each_init(Default::default, each);
    tensor(context, [rows, width])
}

/// See [`step_cross_attention`](crate::kernels::operators::step_cross_attention).
pub fn attend_source(
    query: &FlexTensor,
    key_value: &FlexTensor,
    sentences: usize,
    heads: usize,
    mask: Option<&FlexTensor>,
) -> FlexTensor {
    let (query, key_value) = (Matrix::of(query), Matrix::of(key_value));
    let [rows, width] = query.dims();
    let (beam, source) = (rows / sentences, key_value.dims()[0] / sentences);
    let mut context = vec![0.0; rows * width];
    let each = |(history, scratch): &mut (Vec<_>, Scratch), (sentence, context): (usize, &mut [f32])| {
        history.clear();
        history.extend((sentence * source..(sentence + 1) * source).map(|row| key_value.row(row)));
        let bias = mask.map(|mask| &elements(mask)[sentence * source..(sentence + 1) * source]);
        for (row, context) in (sentence * beam..).zip(context.chunks_exact_mut(width)) {
            attend_row(query.row(row), history, heads, bias, scratch, context);
        }
    };
    context.par_chunks_mut((beam * width).max(1)).enumerate().for_each_init(Default::default, each);
    tensor(context, [rows, width])
}

/// What [`attend_row`] fills and forgets.
#[derive(Default)]
struct Scratch {
    /// Running sums of the products of the query with one key, by head.
    sums: Vec<[f32; LANES]>,
    /// The share of each position, by head.
    weights: Vec<f32>,
}

/// Adds the context of `query` to `context`, which is 0. `history` holds, of each position, a key and behind it a value, each as
/// wide as the query; `bias` is added to the scores.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn attend_row(
    query: &[f32],
    history: &[&[f32]],
    heads: usize,
    bias: Option<&[f32]>,
    Scratch { sums, weights }: &mut Scratch,
    context: &mut [f32],
) {
    let (width, positions) = (context.len(), history.len());
    let dim = width / heads;
    let scale = (dim as f32).powf(-0.5);
    weights.resize(heads * positions, 0.0);
    sums.resize(heads, [0.0; LANES]);
    for (place, position) in history.iter().enumerate() {
        let bias = bias.map_or(0.0, |bias| bias[place]);
        let pairs = query.chunks_exact(dim).zip(position[..width].chunks_exact(dim));
        for (sums, (query, key)) in sums.iter_mut().zip(pairs) {
            *sums = lanes_dot(query, key);
        }
        for (head, sums) in sums.iter().enumerate() {
            weights[head * positions + place] = total(sums) * scale + bias;
        }
    }
    for weights in weights.chunks_exact_mut(positions) {
        vector::softmax(weights);
    }
    for (place, position) in history.iter().enumerate() {
        let pairs = context.chunks_exact_mut(dim).zip(position[width..].chunks_exact(dim));
        for (head, (context, value)) in pairs.enumerate() {
            let weight = weights[head * positions + place];
            for (out, &x) in context.iter_mut().zip(value) {
                *out = weight.mul_add(x, *out);
            }
        }
    }
}

/// Σ a b in as many running sums.
#[inline(always)]
fn lanes_dot(a: &[f32], b: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (lane, (a, b)) in lanes.iter_mut().zip(a_chunks.remainder().iter().zip(b_chunks.remainder())) {
        *lane = a * b;
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane = a.mul_add(*b, *lane);
        }
    }
    lanes
}

/// The sum of running sums, added up in pairs.
#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}
