//! Matrices blended row by row, and the gradients of that.

use super::matrix::{Matrix, PIECE};
use super::vector::{add_scaled, lane_dot};
use rayon::prelude::*;

/// `[rows, columns]`: of each row the sum over `copies`, times the row's `shares`, `[rows, copies]`.
pub fn forward(copies: &[Matrix], shares: Matrix) -> Vec<f32> {
    let [rows, columns] = copies[0].dims();
    let mut out = vec![0.0; rows * columns];
    let piece = (PIECE / columns.max(1)).max(1);
    out.par_chunks_mut(piece * columns.max(1)).enumerate().for_each(|(index, out)| {
        for (row, out) in (index * piece..).zip(out.chunks_exact_mut(columns)) {
            for (copy, &share) in copies.iter().zip(shares.row(row)) {
                add_scaled(out, copy.row(row), share);
            }
        }
    });
    out
}

/// The gradient of each copy, `[rows, columns]`, and that of the shares, `[rows, copies]`; `gradient` is the output's.
pub fn backward(copies: &[Matrix], shares: Matrix, gradient: Matrix) -> (Vec<Vec<f32>>, Vec<f32>) {
    let [rows, columns] = gradient.dims();
    let piece = (PIECE / columns.max(1)).max(1);
    let mut of_shares = vec![0.0; rows * copies.len()];
    let of_copies = copies.iter().enumerate().map(|(place, copy)| {
        let mut of_copy = vec![0.0; rows * columns];
        (of_copy.par_chunks_mut(piece * columns.max(1)))
            .zip(of_shares.par_chunks_mut(piece * copies.len()))
            .enumerate()
            .for_each(|(index, (of_copy, of_shares))| {
                let rows = of_copy.chunks_exact_mut(columns).zip(of_shares.chunks_exact_mut(copies.len()));
                for (row, (of_copy, of_shares)) in (index * piece..).zip(rows) {
                    of_shares[place] = scale(of_copy, gradient.row(row), copy.row(row), shares.row(row)[place]);
                }
            });
        of_copy
    });
    (of_copies.collect(), of_shares)
}

/// `out = share · gradient`; returns `gradient · copy`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn scale(out: &mut [f32], gradient: &[f32], copy: &[f32], share: f32) -> f32 {
    out.iter_mut().zip(gradient).for_each(|(out, g)| *out = share * g);
    lane_dot(gradient, copy)
}
