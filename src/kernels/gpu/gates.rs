//! The probabilities of a layer's experts, a unit a token.

use super::tensor::{CubeTensor, buffer, cubes, empty};
use burn::backend::TensorMetadata;
use cubecl::prelude::*;

const UNITS: usize = 64;

/// The softmax of each row of `[tokens, experts]`.
pub(super) fn softmax(logits: &CubeTensor) -> CubeTensor {
    let (tokens, experts) = (logits.shape()[0], logits.shape()[1]);
    let output = empty(logits, [tokens, experts]);
    // Safety: units past the last token end at once.
    unsafe {
        softmax_kernel::launch_unchecked(
            &logits.client,
            cubes(tokens, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(logits),
            buffer(&output),
            tokens,
            experts,
        );
    }
    output
}

/// The gradient of the logits; `gradient` is that of the `probabilities`.
pub(super) fn softmax_gradient(gradient: &CubeTensor, probabilities: &CubeTensor) -> CubeTensor {
    let (tokens, experts) = (gradient.shape()[0], gradient.shape()[1]);
    let output = empty(gradient, [tokens, experts]);
    // Safety: as above.
    unsafe {
        gradient_kernel::launch_unchecked(
            &gradient.client,
            cubes(tokens, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(gradient),
            buffer(probabilities),
            buffer(&output),
            tokens,
            experts,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn softmax_kernel(logits: &[f32], output: &mut [f32], tokens: usize, experts: usize) {
    let token = ABSOLUTE_POS;
    if token >= tokens {
        terminate!();
    }
    let first = token * experts;
    let mut largest = f32::min_value();
    for expert in 0..experts {
        largest = select(logits[first + expert] > largest, logits[first + expert], largest);
    }
    let mut sum = 0.0f32;
    for expert in 0..experts {
        let value = (logits[first + expert] - largest).exp();
        output[first + expert] = value;
        sum += value;
    }
    for expert in 0..experts {
        output[first + expert] /= sum;
    }
}

#[cube(launch_unchecked)]
fn gradient_kernel(gradient: &[f32], probabilities: &[f32], output: &mut [f32], tokens: usize, experts: usize) {
    let token = ABSOLUTE_POS;
    if token >= tokens {
        terminate!();
    }
    let first = token * experts;
    let mut along = 0.0f32;
    for expert in 0..experts {
        along += gradient[first + expert] * probabilities[first + expert];
    }
    for expert in 0..experts {
        output[first + expert] = probabilities[first + expert] * (gradient[first + expert] - along);
    }
}
