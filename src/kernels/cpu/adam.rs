//! One Adam step of one parameter in place, gradient as the subnet has it: outside its slice the gradient is 0.

use super::matrix::{primitive, whole};
use crate::kernels::adam_step::AdamStep;
use burn::backend::Flex;
use burn::tensor::{Float, Tensor};
use rayon::prelude::*;

/// Rows are updated in parallel in pieces of about this many elements.
const PIECE: usize = 64 * 1024;

/// Updates weight and moments, `[rows, columns]` each; `gradient` is a leading slice of that shape, or `None` for zero.
pub fn step(state: [Tensor<2>; 3], gradient: Option<Tensor<2>>, numbers: AdamStep) -> [Tensor<2>; 3] {
    let columns = state[0].dims()[1].max(1);
    let (part_rows, part_columns) = gradient.as_ref().map_or((0, 0), |g| (g.dims()[0], g.dims()[1]));
    let gradient = gradient.map(|gradient| primitive(gradient).to_contiguous());
    let gradient = gradient.as_ref().map_or(&[][..], |gradient| gradient.storage::<f32>());
    let [mut weight, mut first, mut second] = state.map(|tensor| whole(primitive(tensor)));
    let rows_a_piece = (PIECE / columns).max(1);
    let piece = rows_a_piece * columns;

    (weight.storage_mut::<f32>().par_chunks_mut(piece))
        .zip(first.storage_mut::<f32>().par_chunks_mut(piece))
        .zip(second.storage_mut::<f32>().par_chunks_mut(piece))
        .enumerate()
        .for_each(|(index, ((weight, first), second))| {
            let rows = weight.chunks_mut(columns).zip(first.chunks_mut(columns)).zip(second.chunks_mut(columns));
            for (row, ((weight, first), second)) in (index * rows_a_piece..).zip(rows) {
                let range = if row < part_rows { row * part_columns..(row + 1) * part_columns } else { 0..0 };
                update_row(weight, first, second, &gradient[range], numbers);
            }
        });
    [weight, first, second].map(Tensor::<2, Float>::from_primitive::<Flex>)
}

fn update_row(weight: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], n: AdamStep) {
    let split = gradient.len();
    let (weight_in, weight_out) = weight.split_at_mut(split);
    let (first_in, first_out) = first.split_at_mut(split);
    let (second_in, second_out) = second.split_at_mut(split);
    update_with_gradient(weight_in, first_in, second_in, gradient, n);
    update_without_gradient(weight_out, first_out, second_out, n);
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn update_with_gradient(weight: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], n: AdamStep) {
    for (((w, m), v), &g) in weight.iter_mut().zip(first).zip(second).zip(gradient) {
        let g = g * n.gradient_scale;
        *m = n.beta1 * *m + (1.0 - n.beta1) * g;
        *v = n.beta2 * *v + (1.0 - n.beta2) * g * g;
        *w = *w * n.keep - n.step_size * *m / (v.sqrt() + n.epsilon);
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn update_without_gradient(weight: &mut [f32], first: &mut [f32], second: &mut [f32], n: AdamStep) {
    for ((w, m), v) in weight.iter_mut().zip(first).zip(second) {
        *m *= n.beta1;
        *v *= n.beta2;
        *w = *w * n.keep - n.step_size * *m / (v.sqrt() + n.epsilon);
    }
}
