//! `W₂ dropout(relu(W₁ x + b₁)) + b₂` on slices.

use super::matrix::{Matrix, PIECE, add_bias, column_sums, fresh_product, product};
use super::panels::Panels;
use crate::kernels::dropout::Mask;
use rayon::prelude::*;

/// A weight `[output, input]` in some layout.
pub trait Weight: Copy {
    /// `x Wᵀ`
    fn fresh_product(self, x: Matrix) -> Vec<f32>;

    /// `out = x Wᵀ`
    fn product(self, out: &mut [f32], x: Matrix);
}

impl Weight for Matrix<'_> {
    fn fresh_product(self, x: Matrix) -> Vec<f32> {
        fresh_product(x, self.transposed())
    }

    fn product(self, out: &mut [f32], x: Matrix) {
        product(out, x, self.transposed());
    }
}

impl Weight for &Panels {
    fn fresh_product(self, x: Matrix) -> Vec<f32> {
        Panels::fresh_product(self, x)
    }

    fn product(self, out: &mut [f32], x: Matrix) {
        Panels::product(self, out, x);
    }
}

/// Weights and biases.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a, W = Matrix<'a>> {
    /// `[ffn, embed]`
    pub weight1: W,
    /// `[ffn]`
    pub bias1: &'a [f32],
    /// `[embed, ffn]`
    pub weight2: W,
    /// `[embed]`
    pub bias2: &'a [f32],
}

/// Gradients in the order of [`Network`]'s fields, and that of the input; row-major.
#[derive(Debug)]
pub struct Gradients {
    /// `[ffn, embed]`
    pub weight1: Vec<f32>,
    /// `[ffn]`
    pub bias1: Vec<f32>,
    /// `[embed, ffn]`
    pub weight2: Vec<f32>,
    /// `[embed]`
    pub bias2: Vec<f32>,
}

/// Writes the output of x `[rows, embed]` over `out` and returns the hidden activations, `[rows, ffn]`.
pub fn forward<W: Weight>(x: Matrix, network: Network<W>, mask: Mask, out: &mut [f32]) -> Vec<f32> {
    let rows = x.dims()[0];
    let ffn = network.bias1.len();
    let mut hidden = network.weight1.fresh_product(x);
    let piece = (PIECE / ffn.max(1)).max(1) * ffn;
    hidden.par_chunks_mut(piece.max(1)).enumerate().for_each(|(index, chunk)| {
        let rows = chunk.chunks_exact_mut(ffn).enumerate();
        rows.for_each(|(row, hidden)| activate(hidden, network.bias1, (index * piece + row * ffn) as u32, mask));
    });
    network.weight2.product(out, Matrix::new(&hidden, rows, ffn));
    add_bias(out, network.bias2);
    hidden
}

/// Overwrites `gradient`, the output's gradient `[rows, embed]`, with the input's, and returns the parameters'.
pub fn backward(x: Matrix, hidden: &[f32], network: Network, mask: Mask, gradient: &mut [f32]) -> Gradients {
    let [rows, embed] = x.dims();
    let ffn = network.bias1.len();
    let hidden_view = Matrix::new(hidden, rows, ffn);
    let outer = Matrix::new(gradient, rows, embed);
    let weight2 = fresh_product(outer.transposed(), hidden_view);
    let bias2 = column_sums(outer);
    let mut delta = fresh_product(outer, network.weight2);
    delta.par_chunks_mut(PIECE).zip(hidden.par_chunks(PIECE)).for_each(|(delta, hidden)| {
        deactivate(delta, hidden, mask.kept());
    });
    let delta = Matrix::new(&delta, rows, ffn);
    let weight1 = fresh_product(delta.transposed(), x);
    let bias1 = column_sums(delta);
    product(gradient, delta, network.weight1);
    Gradients { weight1, bias1, weight2, bias2 }
}

/// `dropout(relu(hidden + bias))`; `start` is the number of the first element.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn activate(hidden: &mut [f32], bias: &[f32], start: u32, mask: Mask) {
    // What is not a number stays so: a training that has failed must show it.
    let relu = |x: f32| if x <= 0.0 { 0.0 } else { x };
    if mask.is_none() {
        hidden.iter_mut().zip(bias).for_each(|(x, bias)| *x = relu(*x + bias));
        return;
    }
    for (i, (x, bias)) in hidden.iter_mut().zip(bias).enumerate() {
        *x = relu(*x + bias) * mask.factor(start.wrapping_add(i as u32));
    }
}

/// An activation above 0 was neither cut off nor dropped. What is not a number stays so, here as in the forward pass.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn deactivate(delta: &mut [f32], hidden: &[f32], kept: f32) {
    for (d, &h) in delta.iter_mut().zip(hidden) {
        *d *= if h > 0.0 {
            kept
        } else if h <= 0.0 {
            0.0
        } else {
            h
        };
    }
}
