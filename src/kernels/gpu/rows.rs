//! Sorted entries to tokens and back, with their gates.

use super::routing::Routing;
use super::tensor::{CubeTensor, buffer, cubes, element, empty, empty_of};
use burn::backend::TensorMetadata;
use cubecl::prelude::*;

const UNITS: usize = 256;

/// Each token's sum over its entries times their probabilities, `[tokens, embed]`. An identity expert's entry, and one over
/// capacity, is the token itself.
///
/// # Shapes
/// - x: `[tokens, embed]`
/// - entries: `[entries, embed]`
/// - probabilities: `[tokens, experts]`
pub(super) fn combine(
    x: &CubeTensor,
    entries: &CubeTensor,
    probabilities: &CubeTensor,
    routing: &Routing,
) -> CubeTensor {
    let output = empty(x, [routing.tokens, x.shape()[1]]);
    // Safety: units past the last element end at once; all other indices are below the buffers' lengths by construction.
    unsafe {
        combine_kernel::launch_unchecked(
            &x.client,
            cubes(routing.tokens * x.shape()[1], UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(x),
            buffer(entries),
            buffer(probabilities),
            buffer(&output),
            buffer(&routing.chosen),
            buffer(&routing.places),
            buffer(&routing.starts),
            buffer(&routing.sizes),
            routing.tokens,
            routing.experts(),
            routing.top_k,
            x.shape()[1],
            element(x),
        );
    }
    output
}

/// The gradient of the entries, `[entries, embed]`: their tokens' times their probabilities.
pub(super) fn spread(gradient: &CubeTensor, probabilities: &CubeTensor, routing: &Routing) -> CubeTensor {
    let embed = gradient.shape()[1];
    let output = empty(gradient, [routing.entries(), embed]);
    // Safety: as above.
    unsafe {
        spread_kernel::launch_unchecked(
            &gradient.client,
            cubes(routing.entries() * embed, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(gradient),
            buffer(probabilities),
            buffer(&output),
            buffer(&routing.chosen),
            buffer(&routing.rows),
            routing.tokens,
            routing.experts(),
            routing.top_k,
            embed,
            element(gradient),
        );
    }
    output
}

/// The gradient of the probabilities, `[tokens, experts]`; x and entries as in [`combine`], gradient its output's.
pub(super) fn gates(gradient: &CubeTensor, x: &CubeTensor, entries: &CubeTensor, routing: &Routing) -> CubeTensor {
    let output = empty_of(gradient, vec![routing.tokens, routing.experts()], burn::tensor::DType::F32);
    // Safety: as above.
    unsafe {
        gates_kernel::launch_unchecked(
            &gradient.client,
            cubes(routing.tokens * routing.experts(), UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(gradient),
            buffer(x),
            buffer(entries),
            buffer(&output),
            buffer(&routing.chosen),
            buffer(&routing.places),
            buffer(&routing.starts),
            buffer(&routing.sizes),
            routing.tokens,
            routing.experts(),
            routing.top_k,
            x.shape()[1],
            element(x),
        );
    }
    output
}

/// The gradient of the tokens, `[tokens, embed]`: the sum over their entries of `inputs`, the gradient that came through an
/// expert, or of `spread` where there was none.
pub(super) fn collect(inputs: &CubeTensor, spread: &CubeTensor, routing: &Routing) -> CubeTensor {
    let embed = inputs.shape()[1];
    let output = empty(inputs, [routing.tokens, embed]);
    // Safety: as above.
    unsafe {
        collect_kernel::launch_unchecked(
            &inputs.client,
            cubes(routing.tokens * embed, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(inputs),
            buffer(spread),
            buffer(&output),
            buffer(&routing.chosen),
            buffer(&routing.places),
            buffer(&routing.starts),
            buffer(&routing.sizes),
            routing.tokens,
            routing.experts(),
            routing.top_k,
            embed,
            element(inputs),
        );
    }
    output
}

#[cube(launch_unchecked)]
fn combine_kernel<F: Float>(
    x: &[F],
    entries: &[F],
    probabilities: &[f32],
    output: &mut [F],
    chosen: &[i32],
    places: &[i32],
    starts: &[i32],
    sizes: &[i32],
    tokens: usize,
    experts: usize,
    top_k: usize,
    embed: usize,
    #[define(F)] _element: ElemType,
) {
    if ABSOLUTE_POS >= tokens * embed {
        terminate!();
    }
    let token = ABSOLUTE_POS / embed;
    let column = ABSOLUTE_POS % embed;
    let mut sum = 0.0f32;
    for rank in 0..top_k {
        let expert = chosen[token * top_k + rank] as usize;
        let place = places[rank * tokens + token];
        let mut value = f32::cast_from(x[ABSOLUTE_POS]);
        if sizes[expert] > 0 && place < starts[experts] {
            value = f32::cast_from(entries[place as usize * embed + column]);
        }
        sum += value * probabilities[token * experts + expert];
    }
    output[ABSOLUTE_POS] = F::cast_from(sum);
}

#[cube(launch_unchecked)]
fn spread_kernel<F: Float>(
    gradient: &[F],
    probabilities: &[f32],
    output: &mut [F],
    chosen: &[i32],
    rows: &[i32],
    tokens: usize,
    experts: usize,
    top_k: usize,
    embed: usize,
    #[define(F)] _element: ElemType,
) {
    if ABSOLUTE_POS >= tokens * top_k * embed {
        terminate!();
    }
    let entry = rows[ABSOLUTE_POS / embed] as usize;
    let token = entry % tokens;
    let expert = chosen[token * top_k + entry / tokens] as usize;
    let value = f32::cast_from(gradient[token * embed + ABSOLUTE_POS % embed]);
    output[ABSOLUTE_POS] = F::cast_from(value * probabilities[token * experts + expert]);
}

#[cube(launch_unchecked)]
fn gates_kernel<F: Float>(
    gradient: &[F],
    x: &[F],
    entries: &[F],
    output: &mut [f32],
    chosen: &[i32],
    places: &[i32],
    starts: &[i32],
    sizes: &[i32],
    tokens: usize,
    experts: usize,
    top_k: usize,
    embed: usize,
    #[define(F)] _element: ElemType,
) {
    if ABSOLUTE_POS >= tokens * experts {
        terminate!();
    }
    let token = ABSOLUTE_POS / experts;
    let expert = ABSOLUTE_POS % experts;
    let mut sum = 0.0f32;
    for rank in 0..top_k {
        if chosen[token * top_k + rank] as usize == expert {
            let place = places[rank * tokens + token];
            let through = sizes[expert] > 0 && place < starts[experts];
            for column in 0..embed {
                let mut value = f32::cast_from(x[token * embed + column]);
                if through {
                    value = f32::cast_from(entries[place as usize * embed + column]);
                }
                sum += value * f32::cast_from(gradient[token * embed + column]);
            }
        }
    }
    output[ABSOLUTE_POS] = sum;
}

#[cube(launch_unchecked)]
fn collect_kernel<F: Float>(
    inputs: &[F],
    spread: &[F],
    output: &mut [F],
    chosen: &[i32],
    places: &[i32],
    starts: &[i32],
    sizes: &[i32],
    tokens: usize,
    experts: usize,
    top_k: usize,
    embed: usize,
    #[define(F)] _element: ElemType,
) {
    if ABSOLUTE_POS >= tokens * embed {
        terminate!();
    }
    let token = ABSOLUTE_POS / embed;
    let column = ABSOLUTE_POS % embed;
    let mut sum = 0.0f32;
    for rank in 0..top_k {
        let expert = chosen[token * top_k + rank] as usize;
        let place = places[rank * tokens + token];
        let mut value = f32::cast_from(spread[place as usize * embed + column]);
        if sizes[expert] > 0 && place < starts[experts] {
            value = f32::cast_from(inputs[place as usize * embed + column]);
        }
        sum += value;
    }
    output[ABSOLUTE_POS] = F::cast_from(sum);
}
