//! `W₂ dropout(relu(W₁ x + b₁)) + b₂` on slices.

use super::matrix::{Matrix, PIECE, add_bias, column_sums};
use super::panels::Panels;
use super::product::{Product, Weight};
use crate::kernels::dropout::Mask;
use rayon::prelude::*;

/// A weight `[output, input]` in some layout and precision.
pub trait Outputs: Copy {
    /// `x Wᵀ`
    fn output<'x>(self, x: Matrix<'x>) -> Product<'x>
    where
        Self: 'x;
}

impl Outputs for Weight<'_> {
    fn output<'x>(self, x: Matrix<'x>) -> Product<'x>
    where
        Self: 'x,
    {
        Weight::output(self, x)
    }
}

impl Outputs for &Panels {
    fn output<'x>(self, x: Matrix<'x>) -> Product<'x>
    where
        Self: 'x,
    {
        Product::Panels(x, self)
    }
}

/// Weights and biases.
#[derive(Debug, Clone, Copy)]
pub struct Network<'a, W = Weight<'a>> {
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
pub fn forward<W: Outputs>(x: Matrix, network: Network<W>, mask: Mask, out: &mut [f32]) -> Vec<f32> {
    let rows = x.dims()[0];
    let ffn = network.bias1.len();
    let mut hidden = network.weight1.output(x).fresh();
    let piece = (PIECE / ffn.max(1)).max(1) * ffn;
    hidden.par_chunks_mut(piece.max(1)).enumerate().for_each(|(index, chunk)| {
        let rows = chunk.chunks_exact_mut(ffn).enumerate();
        rows.for_each(|(row, hidden)| activate(hidden, network.bias1, (index * piece + row * ffn) as u32, mask));
    });
    network.weight2.output(Matrix::new(&hidden, rows, ffn)).write(out);
    add_bias(out, network.bias2);
    hidden
}

/// Overwrites `gradient`, the output's gradient `[rows, embed]`, with the input's, and returns the parameters'.
pub fn backward(x: Matrix, hidden: &[f32], network: Network, mask: Mask, gradient: &mut [f32]) -> Gradients {
    let [rows, embed] = x.dims();
    let ffn = network.bias1.len();
    let hidden_view = Matrix::new(hidden, rows, ffn);
    let outer = Matrix::new(gradient, rows, embed);
    let weight2 = network.weight2.gradient(outer, hidden_view).fresh();
    let bias2 = column_sums(outer);
    let mut delta = network.weight2.input_gradient(outer).fresh();
    delta.par_chunks_mut(PIECE).zip(hidden.par_chunks(PIECE)).for_each(|(delta, hidden)| {
        deactivate(delta, hidden, mask.kept());
    });
    let delta = Matrix::new(&delta, rows, ffn);
    let weight1 = network.weight1.gradient(delta, x).fresh();
    let bias1 = column_sums(delta);
    network.weight1.input_gradient(delta).write(gradient);
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
