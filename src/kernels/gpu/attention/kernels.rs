//! Attention's kernels.

use crate::kernels::gpu::elements::{Dropout, UNITS, largest_of_cube, sum_of_cube};
use cubecl::prelude::*;

/// The sizes of what attends.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(super) struct Sizes {
    batch: usize,
    heads: usize,
    /// Queries and keys of a sentence.
    queries: usize,
    keys: usize,
    /// Columns of a context: those of all heads.
    width: usize,
    /// Columns of the tensor that queries stand in.
    query_width: usize,
    /// Columns of the one that keys and values stand in, the keys from `key_start` on.
    key_width: usize,
    key_start: usize,
}

/// What a cube computes.
#[derive(CubeType, Clone, Copy)]
struct Place {
    sentence: usize,
    /// The query or the key.
    index: usize,
    /// First column of the head, and its columns.
    column: usize,
    dim: usize,
    /// First key of the head in the sentence.
    keys: usize,
    /// First weight of the head in the sentence, `[queries, keys]`.
    weights: usize,
}

#[cube]
impl Sizes {
    /// Whether the cube has one of `rows`, queries or keys, of some head to compute.
    fn has_place(&self, rows: usize) -> bool {
        CUBE_POS < self.batch * self.heads * rows
    }

    /// The one that it has.
    fn place(&self, rows: usize) -> Place {
        let head = CUBE_POS / rows % self.heads;
        let sentence = CUBE_POS / rows / self.heads;
        let dim = self.width / self.heads;
        let column = head * dim;
        Place {
            sentence,
            index: CUBE_POS % rows,
            column,
            dim,
            keys: sentence * self.keys * self.key_width + self.key_start + column,
            weights: (sentence * self.heads + head) * self.queries * self.keys,
        }
    }

    /// The place's query in a tensor with rows of `width`.
    fn query(&self, place: &Place, width: usize) -> usize {
        (place.sentence * self.queries + place.index) * width + place.column
    }
}

#[cube(launch_unchecked)]
pub(super) fn forward_kernel(
    query: &[f32],
    key_value: &[f32],
    mask: &[f32],
    weights: &mut [f32],
    output: &mut [f32],
    sizes: Sizes,
    mask_sentence: usize,
    mask_query: usize,
    scale: f32,
    dropout: Dropout,
    #[comptime] masked: bool,
) {
    if !sizes.has_place(sizes.queries) {
        terminate!();
    }
    let place = sizes.place(sizes.queries);
    let own = sizes.query(&place, sizes.query_width);
    let keys = sizes.keys;
    let row = place.weights + place.index * keys;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut largest = f32::min_value();
    let mut key = unit;
    while key < keys {
        let mut score = 0.0f32;
        for d in 0..place.dim {
            score += query[own + d] * key_value[place.keys + key * sizes.key_width + d];
        }
        score *= scale;
        if comptime!(masked) {
            score += mask[place.sentence * mask_sentence + place.index * mask_query + key];
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
        place.keys + sizes.width,
        sizes.key_width,
        output,
        sizes.query(&place, sizes.width),
        place.dim,
        dropout,
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
    dropout: Dropout,
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
                weight = dropout.apply(factors[place], place);
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
    sizes: Sizes,
    scale: f32,
    dropout: Dropout,
) {
    if !sizes.has_place(sizes.queries) {
        terminate!();
    }
    let place = sizes.place(sizes.queries);
    let own = sizes.query(&place, sizes.width);
    let keys = sizes.keys;
    let row = place.weights + place.index * keys;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut along = 0.0f32;
    let mut key = unit;
    while key < keys {
        let mut slope = 0.0f32;
        for d in 0..place.dim {
            slope += gradient[own + d] * key_value[place.keys + sizes.width + key * sizes.key_width + d];
        }
        slope = dropout.apply(slope, row + key);
        slopes[row + key] = slope;
        along += slope * weights[row + key];
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
        place.keys,
        sizes.key_width,
        output,
        sizes.query(&place, sizes.query_width),
        place.dim,
        Dropout::none(),
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
    sizes: Sizes,
    dropout: Dropout,
) {
    if !sizes.has_place(sizes.keys) {
        terminate!();
    }
    let place = sizes.place(sizes.keys);
    let own = place.keys + place.index * sizes.key_width;
    let queries = sizes.queries;
    let mut of_scores = Shared::<[f32]>::new_slice(UNITS);
    let mut of_values = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;

    let mut first_column = 0usize;
    while first_column < place.dim {
        let column = first_column + unit;
        let mut of_key = 0.0f32;
        let mut of_value = 0.0f32;
        let mut first = 0usize;
        while first < queries {
            let mut slope = 0.0f32;
            let mut weight = 0.0f32;
            if first + unit < queries {
                let at = place.weights + (first + unit) * sizes.keys + place.index;
                slope = slopes[at];
                weight = dropout.apply(weights[at], at);
            }
            sync_cube();
            of_scores[unit] = slope;
            of_values[unit] = weight;
            sync_cube();
            if column < place.dim {
                for i in 0..min(UNITS, queries - first) {
                    let row = place.sentence * queries + first + i;
                    of_key += of_scores[i] * query[row * sizes.query_width + place.column + column];
                    of_value += of_values[i] * gradient[row * sizes.width + place.column + column];
                }
            }
            first += UNITS;
        }
        if column < place.dim {
            output[own + column] = of_key;
            output[own + sizes.width + column] = of_value;
        }
        first_column += UNITS;
    }
}
