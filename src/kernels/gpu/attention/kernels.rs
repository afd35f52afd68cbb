//! Attention's kernels. The cube at (x, y, z) computes query or key x of head y of sentence z.

use crate::kernels::gpu::elements::{UNITS, factor, largest_of_cube, sum_of_cube, times};
use cubecl::prelude::*;

#[cube(launch_unchecked)]
pub(super) fn forward_kernel(
    query: &[f32],
    key_value: &[f32],
    mask: &[f32],
    weights: &mut [f32],
    output: &mut [f32],
    keys: usize,
    width: usize,
    query_width: usize,
    key_width: usize,
    key_start: usize,
    mask_sentence: usize,
    mask_query: usize,
    scale: f32,
    dropout_key: u32,
    dropout_threshold: u32,
    dropout_kept: f32,
    #[comptime] masked: bool,
) {
    let heads = CUBE_COUNT_Y as usize;
    let queries = CUBE_COUNT_X as usize;
    let index = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let sentence = CUBE_POS_Z as usize;
    let dim = width / heads;
    let own = (sentence * queries + index) * query_width + head * dim;
    let others = sentence * keys * key_width + key_start + head * dim;
    let row = ((sentence * heads + head) * queries + index) * keys;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut largest = f32::min_value();
    let mut key = unit;
    while key < keys {
        let mut score = 0.0f32;
        for d in 0..dim {
            score += query[own + d] * key_value[others + key * key_width + d];
        }
        score *= scale;
        if comptime!(masked) {
            score += mask[sentence * mask_sentence + index * mask_query + key];
        }
        weights[row + key] = score;
        largest = select(score > largest, score, largest);
        key += UNITS;
    }
    let largest = largest_of_cube(largest, &mut shared, UNITS);
    softmax(weights, row, keys, largest, &mut shared);
    sum_rows(
        weights,
        row,
        keys,
        key_value,
        others + width,
        key_width,
        output,
        (sentence * queries + index) * width + head * dim,
        dim,
        dropout_key,
        dropout_threshold,
        dropout_kept,
        &mut shared,
    );
}

/// Makes the scores from `row` on weights; each unit has the largest of all.
#[cube]
fn softmax(weights: &mut [f32], row: usize, keys: usize, largest: f32, shared: &mut Shared<[f32]>) {
    let unit = UNIT_POS as usize;
    let mut sum = 0.0f32;
    let mut key = unit;
    while key < keys {
        let value = (weights[row + key] - largest).exp();
        weights[row + key] = value;
        sum += value;
        key += UNITS;
    }
    let sum = sum_of_cube(sum, shared, UNITS);
    let mut key = unit;
    while key < keys {
        weights[row + key] /= sum;
        key += UNITS;
    }
}

/// Writes the sum of `count` rows, `width` apart, each times its factor, dropout included; of each row the first `dim` elements.
/// A unit reads the factors that it has written, and shares them.
#[cube]
fn sum_rows(
    factors: &mut [f32],
    first_factor: usize,
    count: usize,
    rows: &[f32],
    first_element: usize,
    width: usize,
    output: &mut [f32],
    output_start: usize,
    dim: usize,
    dropout_key: u32,
    dropout_threshold: u32,
    dropout_kept: f32,
    shared: &mut Shared<[f32]>,
) {
    let unit = UNIT_POS as usize;
    let mut first_column = 0usize;
    while first_column < dim {
        let column = first_column + unit;
        let mut total = 0.0f32;
        let mut first = 0usize;
        while first < count {
            let place = first_factor + first + unit;
            let mut weight = 0.0f32;
            if first + unit < count {
                weight = times(factors[place], factor(place as u32, dropout_key, dropout_threshold, dropout_kept));
            }
            sync_cube();
            shared[unit] = weight;
            sync_cube();
            if column < dim {
                for i in 0..min(UNITS, count - first) {
                    total += shared[i] * rows[first_element + (first + i) * width + column];
                }
            }
            first += UNITS;
        }
        if column < dim {
            output[output_start + column] = total;
        }
        first_column += UNITS;
    }
}

/// The gradient of a query, and on the way those of its products with the keys: `p (dp - Σ dp p) / √head_dim` with
/// `dp = dropout(g vᵀ)`.
#[cube(launch_unchecked)]
pub(super) fn query_kernel(
    key_value: &[f32],
    gradient: &[f32],
    weights: &[f32],
    slopes: &mut [f32],
    output: &mut [f32],
    keys: usize,
    width: usize,
    query_width: usize,
    key_width: usize,
    key_start: usize,
    scale: f32,
    dropout_key: u32,
    dropout_threshold: u32,
    dropout_kept: f32,
) {
    let heads = CUBE_COUNT_Y as usize;
    let queries = CUBE_COUNT_X as usize;
    let index = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let sentence = CUBE_POS_Z as usize;
    let dim = width / heads;
    let own = (sentence * queries + index) * width + head * dim;
    let others = sentence * keys * key_width + key_start + head * dim;
    let row = ((sentence * heads + head) * queries + index) * keys;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut along = 0.0f32;
    let mut key = unit;
    while key < keys {
        let place = row + key;
        let mut slope = 0.0f32;
        for d in 0..dim {
            slope += gradient[own + d] * key_value[others + width + key * key_width + d];
        }
        slope = times(slope, factor(place as u32, dropout_key, dropout_threshold, dropout_kept));
        slopes[place] = slope;
        along += slope * weights[place];
        key += UNITS;
    }
    let along = sum_of_cube(along, &mut shared, UNITS);
    let mut key = unit;
    while key < keys {
        slopes[row + key] = weights[row + key] * (slopes[row + key] - along) * scale;
        key += UNITS;
    }
    sum_rows(
        slopes,
        row,
        keys,
        key_value,
        others,
        key_width,
        output,
        (sentence * queries + index) * query_width + head * dim,
        dim,
        0u32,
        0u32,
        1.0f32,
        &mut shared,
    );
}

/// The gradients of a key and of its value.
#[cube(launch_unchecked)]
pub(super) fn key_kernel(
    query: &[f32],
    gradient: &[f32],
    weights: &[f32],
    slopes: &[f32],
    output: &mut [f32],
    queries: usize,
    width: usize,
    query_width: usize,
    key_width: usize,
    key_start: usize,
    dropout_key: u32,
    dropout_threshold: u32,
    dropout_kept: f32,
) {
    let heads = CUBE_COUNT_Y as usize;
    let keys = CUBE_COUNT_X as usize;
    let index = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let sentence = CUBE_POS_Z as usize;
    let dim = width / heads;
    let own = (sentence * keys + index) * key_width + key_start + head * dim;
    let block = (sentence * heads + head) * queries * keys + index;
    let mut of_scores = Shared::<[f32]>::new_slice(UNITS);
    let mut of_values = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut first_column = 0usize;
    while first_column < dim {
        let column = first_column + unit;
        let mut of_key = 0.0f32;
        let mut of_value = 0.0f32;
        let mut first = 0usize;
        while first < queries {
            let mut slope = 0.0f32;
            let mut weight = 0.0f32;
            if first + unit < queries {
                let place = block + (first + unit) * keys;
                slope = slopes[place];
                weight = times(weights[place], factor(place as u32, dropout_key, dropout_threshold, dropout_kept));
            }
            sync_cube();
            of_scores[unit] = slope;
            of_values[unit] = weight;
            sync_cube();
            if column < dim {
                for i in 0..min(UNITS, queries - first) {
                    let row = sentence * queries + first + i;
                    of_key += of_scores[i] * query[row * query_width + head * dim + column];
                    of_value += of_values[i] * gradient[row * width + head * dim + column];
                }
            }
            first += UNITS;
        }
        if column < dim {
            output[own + column] = of_key;
            output[own + width + column] = of_value;
        }
        first_column += UNITS;
    }
}
