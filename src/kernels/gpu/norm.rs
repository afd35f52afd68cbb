//! `LayerNorm(x + dropout(y))` and its gradients, a cube a row.

use super::elements::{Dropout, UNITS, dropout as on_device, sum_of_cube};
use super::tensor::{CubeTensor, buffer, cubes, empty};
use crate::kernels::cpu::norm::EPSILON;
use crate::kernels::dropout::Mask;
use burn::backend::TensorMetadata;
use cubecl::prelude::*;

/// The output, and what the backward pass needs.
pub(super) struct Normalized {
    /// `[rows, dim]`
    pub output: CubeTensor,
    /// The sum, shifted to mean 0 and scaled to variance 1, `[rows, dim]`.
    pub rows: CubeTensor,
    /// 1 / deviation of each row.
    pub scales: CubeTensor,
}

/// See [`add_norm`](crate::kernels::operators::add_norm).
pub(super) fn forward([x, y, weight, bias]: [&CubeTensor; 4], dropout: Mask) -> Normalized {
    let (rows, dim) = (x.shape()[0], x.shape()[1]);
    let found = Normalized { output: empty(x, [rows, dim]), rows: empty(x, [rows, dim]), scales: empty(x, [rows]) };
    // Safety: a cube a row, and units go through its `dim` elements.
    unsafe {
        forward_kernel::launch_unchecked(
            &x.client,
            cubes(rows, 1),
            CubeDim::new_1d(UNITS as u32),
            buffer(x),
            buffer(y),
            buffer(weight),
            buffer(bias),
            buffer(&found.output),
            buffer(&found.rows),
            buffer(&found.scales),
            rows,
            dim,
            EPSILON,
            on_device(dropout),
        );
    }
    found
}

/// The gradients of x and of y, `[rows, dim]`; `gradient` is the output's.
pub(super) fn backward(
    gradient: &CubeTensor,
    normalized: [&CubeTensor; 2],
    weight: &CubeTensor,
    dropout: Mask,
) -> [CubeTensor; 2] {
    let (rows, dim) = (gradient.shape()[0], gradient.shape()[1]);
    let [x, y] = [(); 2].map(|()| empty(gradient, [rows, dim]));
    // Safety: as above.
    unsafe {
        backward_kernel::launch_unchecked(
            &gradient.client,
            cubes(rows, 1),
            CubeDim::new_1d(UNITS as u32),
            buffer(gradient),
            buffer(normalized[0]),
            buffer(normalized[1]),
            buffer(weight),
            buffer(&x),
            buffer(&y),
            rows,
            dim,
            on_device(dropout),
        );
    }
    [x, y]
}

#[cube(launch_unchecked)]
fn forward_kernel(
    x: &[f32],
    y: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
    normalized: &mut [f32],
    scales: &mut [f32],
    rows: usize,
    dim: usize,
    epsilon: f32,
    dropout: Dropout,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let first = row * dim;
    let mut sum = 0.0f32;
    let mut column = unit;
    while column < dim {
        let place = first + column;
        let value = x[place] + dropout.apply(y[place], place);
        normalized[place] = value;
        sum += value;
        column += UNITS;
    }
    let mean = sum_of_cube(sum, &mut shared, UNITS) / dim as f32;
    let mut squares = 0.0f32;
    let mut column = unit;
    while column < dim {
        let value = normalized[first + column] - mean;
        normalized[first + column] = value;
        squares += value * value;
        column += UNITS;
    }
    let variance = sum_of_cube(squares, &mut shared, UNITS) / dim as f32;
    let scale = 1.0f32 / (variance + epsilon).sqrt();
    let mut column = unit;
    while column < dim {
        let value = normalized[first + column] * scale;
        normalized[first + column] = value;
        output[first + column] = value * weight[column] + bias[column];
        column += UNITS;
    }
    if unit == 0 {
        scales[row] = scale;
    }
}

/// With g = gradient · weight: x = scale · (g - mean(g) - normalized · mean(g · normalized)).
#[cube(launch_unchecked)]
fn backward_kernel(
    gradient: &[f32],
    normalized: &[f32],
    scales: &[f32],
    weight: &[f32],
    x: &mut [f32],
    y: &mut [f32],
    rows: usize,
    dim: usize,
    dropout: Dropout,
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let first = row * dim;
    let mut sum = 0.0f32;
    let mut along = 0.0f32;
    let mut column = unit;
    while column < dim {
        let slope = gradient[first + column] * weight[column];
        sum += slope;
        along += slope * normalized[first + column];
        column += UNITS;
    }
    let mean = sum_of_cube(sum, &mut shared, UNITS) / dim as f32;
    let along = sum_of_cube(along, &mut shared, UNITS) / dim as f32;
    let mut column = unit;
    while column < dim {
        let place = first + column;
        let slope = gradient[place] * weight[column];
        let value = scales[row] * (slope - mean - normalized[place] * along);
        x[place] = value;
        y[place] = dropout.apply(value, place);
        column += UNITS;
    }
}
