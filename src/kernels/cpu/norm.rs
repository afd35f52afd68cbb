//! `LayerNorm(x + dropout(y))` on slices, a row at a time.

use super::matrix::{Matrix, PIECE, sum_pieces};
use super::vector::{lane_dot, lane_sum};
use crate::kernels::dropout::Mask;
use rayon::prelude::*;

/// Added to the variance, as in fairseq.
pub const EPSILON: f32 = 1e-5;

/// What the backward pass needs.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The sum, shifted to mean 0 and scaled to variance 1, `[rows, dim]`.
    pub rows: Vec<f32>,
    /// 1 / deviation of each row.
    pub scales: Vec<f32>,
}

/// The output `[rows, dim]`, and what the backward pass needs.
pub fn forward(x: Matrix, y: Matrix, weight: &[f32], bias: &[f32], mask: Mask) -> (Vec<f32>, Normalized) {
    let [rows, dim] = x.dims();
    let mut out = vec![0.0; rows * dim];
    let mut normalized = Normalized { rows: vec![0.0; rows * dim], scales: vec![0.0; rows] };
    let piece = (PIECE / dim.max(1)).max(1);
    (out.par_chunks_mut(piece * dim))
        .zip(normalized.rows.par_chunks_mut(piece * dim))
        .zip(normalized.scales.par_chunks_mut(piece))
        .enumerate()
        .for_each(|(index, ((out, normalized), scales))| {
            let lines = out.chunks_exact_mut(dim).zip(normalized.chunks_exact_mut(dim)).zip(scales);
            for (row, ((out, normalized), scale)) in (index * piece..).zip(lines) {
                add(normalized, x.row(row), y.row(row), (row * dim) as u32, mask);
                *scale = normalize(normalized, out, weight, bias);
            }
        });
    (out, normalized)
}

/// Gradients.
#[derive(Debug)]
pub struct Gradients {
    /// Of x, `[rows, dim]`.
    pub x: Vec<f32>,
    /// Of y; `None` where it is that of x.
    pub y: Option<Vec<f32>>,
    /// `[dim]`
    pub weight: Vec<f32>,
    /// `[dim]`
    pub bias: Vec<f32>,
}

/// Gradients of all that went in; `gradient` is the output's, `[rows, dim]`.
pub fn backward(gradient: Matrix, normalized: &Normalized, weight: &[f32], mask: Mask) -> Gradients {
    let [rows, dim] = gradient.dims();
    let normalized_row = |row: usize| &normalized.rows[row * dim..(row + 1) * dim];
    // Weight and bias together: their gradients read the same rows.
    let mut sums = sum_pieces(rows, 2 * dim, |range, sums| {
        let (weight, bias) = sums.split_at_mut(dim);
        range.for_each(|row| add_parameters(weight, bias, gradient.row(row), normalized_row(row)));
    });
    let bias = sums.split_off(dim);
    let mut x = vec![0.0; rows * dim];
    let piece = (PIECE / dim.max(1)).max(1);
    x.par_chunks_mut(piece * dim).enumerate().for_each(|(index, chunk)| {
        for (row, x) in (index * piece..).zip(chunk.chunks_exact_mut(dim)) {
            denormalize(x, gradient.row(row), normalized_row(row), weight, normalized.scales[row]);
        }
    });
    let y = (!mask.is_none()).then(|| {
        let mut y = x.clone();
        mask.multiply(&mut y);
        y
    });
    Gradients { x, y, weight: sums, bias }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn add(out: &mut [f32], x: &[f32], y: &[f32], start: u32, mask: Mask) {
    if mask.is_none() {
        out.iter_mut().zip(x).zip(y).for_each(|((out, x), y)| *out = x + y);
        return;
    }
    for (i, ((out, x), y)) in out.iter_mut().zip(x).zip(y).enumerate() {
        *out = x + y * mask.factor(start.wrapping_add(i as u32));
    }
}

/// Normalises `row` in place, writes the scaled and shifted row, and returns 1 / deviation.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn normalize(row: &mut [f32], out: &mut [f32], weight: &[f32], bias: &[f32]) -> f32 {
    let count = row.len() as f32;
    let mean = lane_sum(row, |x| x) / count;
    row.iter_mut().for_each(|x| *x -= mean);
    let variance = lane_sum(row, |x| x * x) / count;
    let scale = 1.0 / (variance + EPSILON).sqrt();
    for (((x, out), weight), bias) in row.iter_mut().zip(out).zip(weight).zip(bias) {
        *x *= scale;
        *out = *x * weight + bias;
    }
    scale
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn add_parameters(weight: &mut [f32], bias: &mut [f32], gradient: &[f32], normalized: &[f32]) {
    for (((weight, bias), g), x) in weight.iter_mut().zip(bias).zip(gradient).zip(normalized) {
        *weight += g * x;
        *bias += g;
    }
}

/// With g = gradient · weight: x = scale · (g - mean(g) - normalized · mean(g · normalized)).
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn denormalize(out: &mut [f32], gradient: &[f32], normalized: &[f32], weight: &[f32], scale: f32) {
    out.iter_mut().zip(gradient).zip(weight).for_each(|((out, g), w)| *out = g * w);
    let count = out.len() as f32;
    let mean = lane_sum(out, |g| g) / count;
    let along = lane_dot(out, normalized) / count;
    for (out, x) in out.iter_mut().zip(normalized) {
        *out = scale * (*out - mean - x * along);
    }
}
