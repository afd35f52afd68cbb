//! Products of sorted entries with their experts' weights, in tiles of rows of one expert. However many experts there are,
//! one launch computes them all; which expert a tile belongs to is read on the device.

use super::elements::{Dropout, dropout as on_device, relu};
use super::routing::Routing;
use super::tensor::{CubeTensor, buffer, element, empty};
use crate::kernels::dropout::Mask;
use burn::backend::TensorMetadata;
use cubecl::prelude::*;

/// Rows and columns of the tile that one cube computes.
const TILE: usize = 64;
/// Terms that are held in shared memory at a time.
const DEPTH: usize = 16;
/// Units along either side of a cube; each computes `SPAN` × `SPAN` elements.
const SIDE: usize = 16;
const SPAN: usize = TILE / SIDE;
const UNITS: usize = SIDE * SIDE;
/// Elements of either input's tile that one unit loads.
const LOADS: usize = TILE * DEPTH / UNITS;

/// The four products of an expert's two layers with rows. `size` is the expert's own FFN width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Product {
    /// `dropout(relu(W₁ x + b₁))` of the entries' tokens.
    Hidden,
    /// `W₂ h + b₂`
    Output,
    /// `W₂ᵀ g` where the hidden element is positive.
    HiddenGradient,
    /// `W₁ᵀ g`
    InputGradient,
}

/// One of the [`Product`]s: `input` is `[tokens, width]` for the first and `[entries, width]` for the others; `weight` is
/// `[experts, rows, columns]`; `extra` is the bias, or for [`Product::HiddenGradient`] the hidden layer. Columns beyond an
/// expert's size and rows of identity experts hold anything.
pub(super) fn rows(
    product: Product,
    [input, weight, extra]: [&CubeTensor; 3],
    routing: &Routing,
    columns: usize,
    dropout: Mask,
) -> CubeTensor {
    let output = empty(input, [routing.entries(), columns]);
    let width = input.shape()[1];
    let blocks = routing.entries().div_ceil(TILE) + routing.experts();
    let count = CubeCount::Static(columns.div_ceil(TILE) as u32, blocks as u32, 1);
    // Safety: every index is below the length of its buffer by the shapes above, checked in the kernel where it may not be.
    unsafe {
        rows_kernel::launch_unchecked(
            &input.client,
            count,
            CubeDim::new_2d(SIDE as u32, SIDE as u32),
            buffer(input),
            buffer(weight),
            buffer(extra),
            buffer(&output),
            buffer(&routing.rows),
            buffer(&routing.starts),
            buffer(&routing.sizes),
            routing.tokens,
            routing.experts(),
            width,
            columns,
            on_device(dropout),
            product,
            element(input),
        );
    }
    output
}

/// Gradients of a layer's weight and bias, `[experts, rows, columns]` and `[experts, rows]`: for each expert
/// `Σ gradient ⊗ input` over its entries. `gradient` is `[entries, rows]`; `input` is `[tokens, columns]` for the first
/// layer, whose rows end at the expert's size, and `[entries, columns]` for the second, whose columns do.
pub(super) fn weights(gradient: &CubeTensor, input: &CubeTensor, routing: &Routing, first: bool) -> [CubeTensor; 2] {
    let (height, width) = (gradient.shape()[1], input.shape()[1]);
    let weight = empty(input, [routing.experts(), height, width]);
    let bias = empty(input, [routing.experts(), height]);
    let count = CubeCount::Static(width.div_ceil(TILE) as u32, height.div_ceil(TILE) as u32, routing.experts() as u32);
    // Safety: as above.
    unsafe {
        weights_kernel::launch_unchecked(
            &input.client,
            count,
            CubeDim::new_2d(SIDE as u32, SIDE as u32),
            buffer(gradient),
            buffer(input),
            buffer(&weight),
            buffer(&bias),
            buffer(&routing.rows),
            buffer(&routing.starts),
            buffer(&routing.sizes),
            routing.tokens,
            height,
            width,
            first,
            element(input),
        );
    }
    [weight, bias]
}

#[cube(launch_unchecked)]
fn rows_kernel<F: Float>(
    input: &[F],
    weight: &[F],
    extra: &[F],
    output: &mut [F],
    rows: &[i32],
    starts: &[i32],
    sizes: &[i32],
    tokens: usize,
    experts: usize,
    width: usize,
    columns: usize,
    dropout: Dropout,
    #[comptime] product: Product,
    #[define(F)] _element: ElemType,
) {
    let mut block = Array::<usize>::new(3usize);
    find_block(CUBE_POS_Y as usize, starts, sizes, experts, &mut block);
    let expert = block[0];
    let first = block[1];
    let last = block[2];
    if expert == experts {
        terminate!();
    }
    let size = sizes[expert] as usize;
    let mut terms = width;
    let mut limit = columns;
    if comptime!(matches!(product, Product::Hidden | Product::HiddenGradient)) {
        limit = size;
    } else {
        terms = size;
    }
    let column = CUBE_POS_X as usize * TILE;
    if column >= limit {
        terminate!();
    }

    let mut left = Shared::<[f32]>::new_slice(TILE * DEPTH); // [term, row]
    let mut right = Shared::<[f32]>::new_slice(TILE * DEPTH); // [term, column]
    let mut sums = Array::<f32>::new(SPAN * SPAN);
    #[unroll]
    for i in 0..SPAN * SPAN {
        sums[i] = 0.0f32;
    }
    let unit = UNIT_POS as usize;
    let x = UNIT_POS_X as usize;
    let y = UNIT_POS_Y as usize;
    let mut term = 0usize;
    while term < terms {
        #[unroll]
        for load in 0..LOADS {
            let place = load * UNITS + unit;
            let row = first + place / DEPTH;
            let k = term + place % DEPTH;
            let mut value = 0.0f32;
            if row < last && k < terms {
                let mut source = row;
                if comptime!(product == Product::Hidden) {
                    source = rows[row] as usize % tokens;
                }
                value = f32::cast_from(input[source * width + k]);
            }
            left[(place % DEPTH) * TILE + place / DEPTH] = value;

            let by_input = comptime!(matches!(product, Product::HiddenGradient | Product::InputGradient));
            let n = column + select(by_input, place % TILE, place / DEPTH);
            let k = term + select(by_input, place / TILE, place % DEPTH);
            let mut value = 0.0f32;
            if n < limit && k < terms {
                let source = select(by_input, (expert * width + k) * columns + n, (expert * columns + n) * width + k);
                value = f32::cast_from(weight[source]);
            }
            right[select(by_input, place, (place % DEPTH) * TILE + place / DEPTH)] = value;
        }
        sync_cube();
        multiply(&left, &right, x, y, &mut sums);
        sync_cube();
        term += DEPTH;
    }

    #[unroll]
    for i in 0..SPAN {
        let row = first + y + i * SIDE;
        #[unroll]
        for j in 0..SPAN {
            let n = column + x + j * SIDE;
            if row < last && n < limit {
                let place = row * columns + n;
                let mut value = sums[i * SPAN + j];
                if comptime!(matches!(product, Product::Hidden | Product::Output)) {
                    value += f32::cast_from(extra[expert * columns + n]);
                }
                if comptime!(product == Product::Hidden) {
                    value = dropout.apply(relu(value), place);
                }
                if comptime!(product == Product::HiddenGradient) {
                    value = dropout.backward(value, f32::cast_from(extra[place]));
                }
                output[place] = F::cast_from(value);
            }
        }
    }
}

#[cube(launch_unchecked)]
fn weights_kernel<F: Float>(
    gradient: &[F],
    input: &[F],
    weight: &mut [F],
    bias: &mut [F],
    rows: &[i32],
    starts: &[i32],
    sizes: &[i32],
    tokens: usize,
    height: usize,
    width: usize,
    #[comptime] first_layer: bool,
    #[define(F)] _element: ElemType,
) {
    let expert = CUBE_POS_Z as usize;
    let size = sizes[expert] as usize;
    let mut row = starts[expert] as usize;
    let mut last = starts[expert + 1] as usize;
    if size == 0 {
        last = row;
    }
    let mut height_limit = height;
    let mut width_limit = width;
    if comptime!(first_layer) {
        height_limit = size;
    } else {
        width_limit = size;
    }
    let top = CUBE_POS_Y as usize * TILE;
    let column = CUBE_POS_X as usize * TILE;

    let mut left = Shared::<[f32]>::new_slice(TILE * DEPTH); // [entry, row of the weight]
    let mut right = Shared::<[f32]>::new_slice(TILE * DEPTH); // [entry, column of the weight]
    let mut sums = Array::<f32>::new(SPAN * SPAN);
    #[unroll]
    for i in 0..SPAN * SPAN {
        sums[i] = 0.0f32;
    }
    let mut bias_sum = 0.0f32;
    let unit = UNIT_POS as usize;
    let x = UNIT_POS_X as usize;
    let y = UNIT_POS_Y as usize;
    while row < last {
        #[unroll]
        for load in 0..LOADS {
            let place = load * UNITS + unit;
            let entry = row + place / TILE;
            let m = top + place % TILE;
            let n = column + place % TILE;
            let mut value = 0.0f32;
            if entry < last && m < height_limit {
                value = f32::cast_from(gradient[entry * height + m]);
            }
            left[place] = value;
            let mut value = 0.0f32;
            if entry < last && n < width_limit {
                let mut source = entry;
                if comptime!(first_layer) {
                    source = rows[entry] as usize % tokens;
                }
                value = f32::cast_from(input[source * width + n]);
            }
            right[place] = value;
        }
        sync_cube();
        multiply(&left, &right, x, y, &mut sums);
        if unit < TILE {
            for k in 0..DEPTH {
                bias_sum += left[k * TILE + unit];
            }
        }
        sync_cube();
        row += DEPTH;
    }

    #[unroll]
    for i in 0..SPAN {
        let m = top + y + i * SIDE;
        #[unroll]
        for j in 0..SPAN {
            let n = column + x + j * SIDE;
            if m < height && n < width {
                weight[(expert * height + m) * width + n] = F::cast_from(sums[i * SPAN + j]);
            }
        }
    }
    if CUBE_POS_X == 0 && unit < TILE && top + unit < height {
        bias[expert * height + top + unit] = F::cast_from(bias_sum);
    }
}

/// Expert, first and last row of the block of sorted rows that a cube computes; the number of experts where there is none.
#[cube]
fn find_block(block: usize, starts: &[i32], sizes: &[i32], experts: usize, found: &mut Array<usize>) {
    found[0] = experts;
    let mut passed = 0usize;
    for expert in 0..experts {
        if sizes[expert] > 0 {
            let start = starts[expert] as usize;
            let end = starts[expert + 1] as usize;
            let blocks = (end - start).div_ceil(TILE);
            if block >= passed && block < passed + blocks {
                found[0] = expert;
                found[1] = start + (block - passed) * TILE;
                found[2] = end;
            }
            passed += blocks;
        }
    }
}

/// Adds the product of two tiles in shared memory to a unit's sums.
#[cube]
fn multiply(left: &Shared<[f32]>, right: &Shared<[f32]>, x: usize, y: usize, sums: &mut Array<f32>) {
    for k in 0..DEPTH {
        let mut column = Array::<f32>::new(SPAN);
        #[unroll]
        for j in 0..SPAN {
            column[j] = right[k * TILE + x + j * SIDE];
        }
        #[unroll]
        for i in 0..SPAN {
            let value = left[k * TILE + y + i * SIDE];
            #[unroll]
            for j in 0..SPAN {
                sums[i * SPAN + j] += value * column[j];
            }
        }
    }
}
