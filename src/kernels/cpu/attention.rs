//! `dropout(softmax(q kᵀ / √head_dim + mask)) v` on slices, a sentence a task.

use super::matrix::Matrix;
use super::small::{Strided, multiply};
use super::vector;
use crate::kernels::dropout::Mask;
use rayon::prelude::*;

/// Scores of one query are padded to a multiple of this.
const PAD: usize = 16;

/// What attends to what.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// `[batch · queries, qkv_dim]`
    pub query: Matrix<'a>,
    /// `[batch · keys, qkv_dim]`
    pub key: Matrix<'a>,
    /// `[batch · keys, qkv_dim]`
    pub value: Matrix<'a>,
    /// Added to the scores.
    pub bias: Option<Bias<'a>>,
    /// Sentences.
    pub batch: usize,
    /// Heads.
    pub heads: usize,
    /// Of the weights, numbered `[batch, heads, queries, keys]`.
    pub dropout: Mask,
}

/// A mask `[batch or 1, queries or 1, keys]`.
#[derive(Debug, Clone, Copy)]
pub struct Bias<'a> {
    /// Row-major.
    pub data: &'a [f32],
    /// Whether each sentence has its own.
    pub by_sentence: bool,
    /// Whether each query has its own.
    pub by_query: bool,
}

impl Attention<'_> {
    fn queries(&self) -> usize {
        self.query.dims()[0] / self.batch
    }

    fn keys(&self) -> usize {
        self.key.dims()[0] / self.batch
    }

    fn head_dim(&self) -> usize {
        self.query.dims()[1] / self.heads
    }

    /// Distance of two queries' weights.
    fn stride(&self) -> usize {
        self.keys().next_multiple_of(PAD)
    }

    fn bias_row(&self, sentence: usize, query: usize) -> Option<&[f32]> {
        self.bias.map(|bias| {
            let of_sentence = if bias.by_query { self.queries() } else { 1 };
            let row = usize::from(bias.by_sentence) * sentence * of_sentence + usize::from(bias.by_query) * query;
            &bias.data[row * self.keys()..(row + 1) * self.keys()]
        })
    }

    /// Number of the first weight of a query.
    fn weight_index(&self, sentence: usize, head: usize, query: usize) -> u32 {
        (((sentence * self.heads + head) * self.queries() + query) * self.keys()) as u32
    }

    /// The context `[batch · queries, qkv_dim]`.
    pub fn context(&self) -> Vec<f32> {
        let weights_len = self.heads * self.queries() * self.stride();
        let mut context = vec![0.0; self.query.dims()[0] * self.query.dims()[1]];
        context.par_chunks_mut(self.context_len()).enumerate().for_each_init(
            || (vec![0.0; weights_len], Scratch::default()),
            |(weights, scratch), (sentence, context)| forward_sentence(self, sentence, context, weights, scratch),
        );
        context
    }

    /// The context, and the weights before dropout, which the backward pass needs.
    pub fn context_and_weights(&self) -> (Vec<f32>, Vec<f32>) {
        let weights_len = self.heads * self.queries() * self.stride();
        let mut weights = vec![0.0; self.batch * weights_len];
        let mut context = vec![0.0; self.query.dims()[0] * self.query.dims()[1]];
        context.par_chunks_mut(self.context_len()).zip(weights.par_chunks_mut(weights_len)).enumerate().for_each_init(
            Scratch::default,
            |scratch, (sentence, (context, weights))| {
                forward_sentence(self, sentence, context, weights, scratch);
            },
        );
        (context, weights)
    }

    /// Gradients of one sentence, head after head, handed to `store(head, query, key, value)`, each `[time, head_dim]`.
    ///
    /// `gradient` is that of the context and `weights` are those of [`Attention::context_and_weights`], of all sentences.
    pub fn backward_sentence(
        &self,
        sentence: usize,
        gradient: Matrix,
        weights: &[f32],
        scratch: &mut Scratch,
        mut store: impl FnMut(usize, [&[f32]; 3]),
    ) {
        let (queries, keys) = (self.queries(), self.keys());
        let value = self.value.rows(sentence * keys, keys);
        pack(self.query.rows(sentence * queries, queries), self.heads, &mut scratch.query);
        pack(self.key.rows(sentence * keys, keys), self.heads, &mut scratch.key);
        pack(gradient.rows(sentence * queries, queries), self.heads, &mut scratch.gradient);
        transpose(value, self.stride(), &mut scratch.transposed);
        let len = queries * self.stride();
        for head in 0..self.heads {
            let start = (sentence * self.heads + head) * len;
            backward_head(self, [sentence, head], &weights[start..start + len], scratch);
            let Gradients { query, key, value } = &scratch.found;
            store(head, [query, key, value]);
        }
    }

    fn context_len(&self) -> usize {
        self.queries() * self.query.dims()[1]
    }
}

/// Buffers of one task. Heads are gathered first: read in place, their short pieces of rows would miss the cache.
#[derive(Debug, Default)]
pub struct Scratch {
    /// `[heads, queries, head_dim]`
    query: Vec<f32>,
    /// `[heads, keys, head_dim]`
    key: Vec<f32>,
    /// `[heads, keys, head_dim]`
    value: Vec<f32>,
    /// Of the context, `[heads, queries, head_dim]`.
    gradient: Vec<f32>,
    /// Keys or values, `[heads, head_dim, stride]`.
    transposed: Vec<f32>,
    /// Weights of one head after dropout, `[queries, stride]`.
    dropped: Vec<f32>,
    /// Gradients of one head's scores, `[queries, stride]`.
    scores: Vec<f32>,
    found: Gradients,
}

/// Of one head, `[time, head_dim]` each.
#[derive(Debug, Default)]
struct Gradients {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn forward_sentence(
    attention: &Attention,
    sentence: usize,
    context: &mut [f32],
    weights: &mut [f32],
    scratch: &mut Scratch,
) {
    let (queries, keys) = (attention.queries(), attention.keys());
    let (dim, stride, width) = (attention.head_dim(), attention.stride(), attention.query.dims()[1]);
    pack(attention.query.rows(sentence * queries, queries), attention.heads, &mut scratch.query);
    pack(attention.value.rows(sentence * keys, keys), attention.heads, &mut scratch.value);
    transpose(attention.key.rows(sentence * keys, keys), stride, &mut scratch.transposed);
    scratch.dropped.resize(queries * stride, 0.0);
    let scale = (dim as f32).powf(-0.5);
    for (head, weights) in weights.chunks_exact_mut(queries * stride).enumerate() {
        let query = dense(&scratch.query[head * queries * dim..], dim);
        let key = &scratch.transposed[head * dim * stride..(head + 1) * dim * stride];
        multiply([queries, dim, stride], query, key, stride, weights, stride);
        for (index, row) in weights.chunks_exact_mut(stride).enumerate() {
            softmax(&mut row[..keys], scale, attention.bias_row(sentence, index));
            row[keys..].fill(0.0);
        }
        let used = match attention.dropout.is_none() {
            true => &*weights,
            false => {
                attention.drop_weights([sentence, head], weights, &mut scratch.dropped);
                &scratch.dropped
            }
        };
        let value = &scratch.value[head * keys * dim..];
        multiply([queries, keys, dim], dense(used, stride), value, dim, &mut context[head * dim..], width);
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn backward_head(attention: &Attention, [sentence, head]: [usize; 2], weights: &[f32], scratch: &mut Scratch) {
    let (queries, keys) = (attention.queries(), attention.keys());
    let (dim, stride) = (attention.head_dim(), attention.stride());
    scratch.dropped.resize(queries * stride, 0.0);
    scratch.scores.resize(queries * stride, 0.0);
    let found = &mut scratch.found;
    found.query.resize(queries * dim, 0.0);
    found.key.resize(keys * dim, 0.0);
    found.value.resize(keys * dim, 0.0);
    let query = &scratch.query[head * queries * dim..];
    let key = &scratch.key[head * keys * dim..];
    let gradient = &scratch.gradient[head * queries * dim..];

    // dV = dropout(P)ᵀ dO
    let used = match attention.dropout.is_none() {
        true => weights,
        false => {
            attention.drop_weights([sentence, head], weights, &mut scratch.dropped);
            &scratch.dropped
        }
    };
    multiply([keys, queries, dim], transposed(used, stride), gradient, dim, &mut found.value, dim);

    // dS = P (dP - Σ dP P) with dP = dropout(dO Vᵀ)
    let value = &scratch.transposed[head * dim * stride..(head + 1) * dim * stride];
    multiply([queries, dim, stride], dense(gradient, dim), value, stride, &mut scratch.scores, stride);
    let scale = (dim as f32).powf(-0.5);
    let lines = scratch.scores.chunks_exact_mut(stride).zip(weights.chunks_exact(stride));
    for (index, (scores, weights)) in lines.enumerate() {
        let first = attention.weight_index(sentence, head, index);
        softmax_backward(scores, weights, first, attention.dropout, scale);
    }

    // dQ = dS K, dK = dSᵀ Q
    multiply([queries, keys, dim], dense(&scratch.scores, stride), key, dim, &mut found.query, dim);
    multiply([keys, queries, dim], transposed(&scratch.scores, stride), query, dim, &mut found.key, dim);
}

impl Attention<'_> {
    /// The weights of one head, `[queries, stride]`, after dropout.
    #[inline(always)]
    fn drop_weights(&self, [sentence, head]: [usize; 2], weights: &[f32], out: &mut [f32]) {
        let stride = self.stride();
        for (index, (out, row)) in out.chunks_exact_mut(stride).zip(weights.chunks_exact(stride)).enumerate() {
            let first = self.weight_index(sentence, head, index);
            for (i, (out, &x)) in out.iter_mut().zip(row).enumerate() {
                *out = x * self.dropout.factor(first.wrapping_add(i as u32));
            }
        }
    }
}

/// Rows `stride` apart.
#[inline(always)]
fn dense(data: &[f32], stride: usize) -> Strided<'_> {
    Strided { data, row_stride: stride, column_stride: 1 }
}

/// The transpose of rows `stride` apart.
#[inline(always)]
fn transposed(data: &[f32], stride: usize) -> Strided<'_> {
    Strided { data, row_stride: 1, column_stride: stride }
}

/// `[time, heads · head_dim]` as `[heads, time, head_dim]`.
#[inline(always)]
fn pack(matrix: Matrix, heads: usize, out: &mut Vec<f32>) {
    let [time, width] = matrix.dims();
    let dim = width / heads;
    out.resize(time * width, 0.0);
    for row in 0..time {
        for (head, values) in matrix.row(row).chunks_exact(dim).enumerate() {
            let start = (head * time + row) * dim;
            out[start..start + dim].copy_from_slice(values);
        }
    }
}

/// `[time, width]` as `[width, stride]`, zeros behind `time`.
#[inline(always)]
fn transpose(matrix: Matrix, stride: usize, out: &mut Vec<f32>) {
    let [time, width] = matrix.dims();
    out.resize(width * stride, 0.0);
    for row in 0..time {
        let lines = out.chunks_exact_mut(stride).zip(matrix.row(row));
        lines.for_each(|(line, &value)| line[row] = value);
    }
    out.chunks_exact_mut(stride).for_each(|line| line[time..].fill(0.0));
}

#[inline(always)]
fn softmax(row: &mut [f32], scale: f32, bias: Option<&[f32]>) {
    for x in row.iter_mut() {
        *x *= scale;
    }
    for (x, bias) in row.iter_mut().zip(bias.into_iter().flatten()) {
        *x += bias;
    }
    vector::softmax(row);
}

/// Replaces the gradient of dropped weights by that of the scores before they were scaled.
#[inline(always)]
fn softmax_backward(gradient: &mut [f32], weights: &[f32], start: u32, mask: Mask, scale: f32) {
    if !mask.is_none() {
        for (i, g) in gradient.iter_mut().enumerate() {
            *g *= mask.factor(start.wrapping_add(i as u32));
        }
    }
    let along = vector::lane_dot(gradient, weights);
    for (g, w) in gradient.iter_mut().zip(weights) {
        *g = w * (*g - along) * scale;
    }
}
