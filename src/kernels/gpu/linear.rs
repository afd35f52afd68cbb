//! What stands around burn's matrix products: biases, activations, and sums of columns, a launch each.

use super::elements::{Dropout, dropout as on_device, relu};
use super::tensor::{CubeTensor, buffer, cast, cubes, element, empty_of, transposed};
use crate::kernels::dropout::Mask;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::DType;
use cubecl::prelude::*;

const UNITS: usize = 256;
/// Columns whose sums one cube finds, a unit for every `LANES`-th row of each.
const COLUMNS: usize = 8;
const LANES: usize = UNITS / COLUMNS;

/// `a b`, in their precision.
pub(super) fn product(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    Cube::float_matmul(a, b)
}

/// `x Wᵀ + b` in single precision; `x` is in the weight's.
pub(super) fn linear(x: &CubeTensor, weight: &CubeTensor, bias: &CubeTensor) -> CubeTensor {
    let product = product(x.clone(), transposed(weight));
    with_bias(&product, bias, DType::F32, false, Mask::NONE)
}

/// The gradients of x, of the weight and of the bias of [`linear`], of x in single precision; `gradient` is the output's.
pub(super) fn linear_gradients(gradient: &CubeTensor, x: &CubeTensor, weight: &CubeTensor) -> [CubeTensor; 3] {
    let rounded = cast(gradient.clone(), weight.dtype);
    let of_weight = product(transposed(&rounded), x.clone());
    let of_x = cast(product(rounded, weight.clone()), DType::F32);
    [of_x, of_weight, column_sums(gradient)]
}

/// `dropout(relu(W₁ x + b₁))`, in the weight's precision.
pub(super) fn hidden(x: &CubeTensor, weight: &CubeTensor, bias: &CubeTensor, dropout: Mask) -> CubeTensor {
    let product = product(x.clone(), transposed(weight));
    with_bias(&product, bias, weight.dtype, true, dropout)
}

/// `rows + bias` in `dtype`, with `activate` of it the relu, and of that what `dropout` leaves.
fn with_bias(rows: &CubeTensor, bias: &CubeTensor, dtype: DType, activate: bool, dropout: Mask) -> CubeTensor {
    let (height, columns) = (rows.shape()[0], rows.shape()[1]);
    let output = empty_of(rows, vec![height, columns], dtype);
    // Safety: units past the last element end at once; a bias has an element for each column.
    unsafe {
        bias_kernel::launch_unchecked(
            &rows.client,
            cubes(height * columns, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(rows),
            buffer(bias),
            buffer(&output),
            height * columns,
            columns,
            on_device(dropout),
            activate,
            element(rows),
            element(&output),
        );
    }
    output
}

/// The gradient of what [`hidden`] activated, from that of its output, which is of the same shape and precision.
pub(super) fn before_activation(gradient: &CubeTensor, hidden: &CubeTensor, dropout: Mask) -> CubeTensor {
    let (rows, columns) = (hidden.shape()[0], hidden.shape()[1]);
    let output = empty_of(hidden, vec![rows, columns], hidden.dtype);
    // Safety: units past the last element end at once.
    unsafe {
        activation_kernel::launch_unchecked(
            &hidden.client,
            cubes(rows * columns, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(gradient),
            buffer(hidden),
            buffer(&output),
            rows * columns,
            on_device(dropout),
            element(hidden),
        );
    }
    output
}

/// `x` times the factors of `dropout`.
pub(super) fn dropped(x: &CubeTensor, dropout: Mask) -> CubeTensor {
    let output = empty_of(x, x.shape().to_vec(), x.dtype);
    let elements = x.shape().num_elements();
    // Safety: units past the last element end at once.
    unsafe {
        dropout_kernel::launch_unchecked(
            &x.client,
            cubes(elements, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(x),
            buffer(&output),
            elements,
            on_device(dropout),
        );
    }
    output
}

/// The sum of each column of `[rows, columns]`, in single precision.
pub(super) fn column_sums(rows: &CubeTensor) -> CubeTensor {
    let [sums, _] = sums(rows, None);
    sums
}

/// The sum of each column of `rows`, and of `rows ⊙ factors` where they are given.
pub(super) fn sums(rows: &CubeTensor, factors: Option<&CubeTensor>) -> [CubeTensor; 2] {
    let (height, columns) = (rows.shape()[0], rows.shape()[1]);
    let plain = empty_of(rows, vec![columns], DType::F32);
    let weighted = factors.map_or_else(|| plain.clone(), |_| empty_of(rows, vec![columns], DType::F32));
    // Safety: columns and rows are checked in the kernel.
    unsafe {
        sums_kernel::launch_unchecked(
            &rows.client,
            cubes(columns, COLUMNS),
            CubeDim::new_2d(COLUMNS as u32, LANES as u32),
            buffer(rows),
            buffer(factors.unwrap_or(rows)),
            buffer(&plain),
            buffer(&weighted),
            height,
            columns,
            factors.is_some(),
            element(rows),
        );
    }
    [plain, weighted]
}

#[cube(launch_unchecked)]
fn bias_kernel<F: Float, G: Float>(
    rows: &[F],
    bias: &[f32],
    output: &mut [G],
    elements: usize,
    columns: usize,
    dropout: Dropout,
    #[comptime] activate: bool,
    #[define(F)] _of_rows: ElemType,
    #[define(G)] _of_output: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= elements {
        terminate!();
    }
    let mut value = f32::cast_from(rows[place]) + bias[place % columns];
    if comptime!(activate) {
        value = dropout.apply(relu(value), place);
    }
    output[place] = G::cast_from(value);
}

#[cube(launch_unchecked)]
fn activation_kernel<F: Float>(
    gradient: &[F],
    hidden: &[F],
    output: &mut [F],
    elements: usize,
    dropout: Dropout,
    #[define(F)] _element: ElemType,
) {
    let place = ABSOLUTE_POS;
    if place >= elements {
        terminate!();
    }
    let value = dropout.backward(f32::cast_from(gradient[place]), f32::cast_from(hidden[place]));
    output[place] = F::cast_from(value);
}

#[cube(launch_unchecked)]
fn dropout_kernel(x: &[f32], output: &mut [f32], elements: usize, dropout: Dropout) {
    let place = ABSOLUTE_POS;
    if place >= elements {
        terminate!();
    }
    output[place] = dropout.apply(x[place], place);
}

#[cube(launch_unchecked)]
fn sums_kernel<F: Float>(
    rows: &[F],
    factors: &[f32],
    plain: &mut [f32],
    weighted: &mut [f32],
    height: usize,
    columns: usize,
    #[comptime] weigh: bool,
    #[define(F)] _element: ElemType,
) {
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let lane = UNIT_POS_Y as usize;
    let column = CUBE_POS * COLUMNS + UNIT_POS_X as usize;
    let mut sum = 0.0f32;
    let mut weighted_sum = 0.0f32;
    if column < columns {
        let mut row = lane;
        while row < height {
            let value = f32::cast_from(rows[row * columns + column]);
            sum += value;
            if comptime!(weigh) {
                weighted_sum += value * factors[row * columns + column];
            }
            row += LANES;
        }
    }
    let writes = lane == 0 && column < columns;
    let sum = sum_of_lanes(sum, &mut shared);
    if writes {
        plain[column] = sum;
    }
    if comptime!(weigh) {
        let weighted_sum = sum_of_lanes(weighted_sum, &mut shared);
        if writes {
            weighted[column] = weighted_sum;
        }
    }
}

/// The sum of the values of all units of a column.
#[cube]
fn sum_of_lanes(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    sync_cube();
    shared[UNIT_POS as usize] = value;
    sync_cube();
    let mut sum = 0.0f32;
    for lane in 0..LANES {
        sum += shared[lane * COLUMNS + UNIT_POS_X as usize];
    }
    sum
}
