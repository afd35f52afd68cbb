//! The step on graphics devices, where experts are stacked.

use crate::model::Value;
use crate::model::kernels::adam::AdamStep;
use crate::model::kernels::device_adam::{self, Division};
use burn::tensor::Tensor;

/// Weight, first and second moment after one step; `numbers` are those of the leading members that have one.
pub(super) fn step(
    stacked: bool,
    state: [Value; 3],
    gradient: Option<Value>,
    numbers: &[Option<AdamStep>],
) -> [Tensor<2>; 3] {
    let whole = division(&state[0], stacked);
    let state = state.map(|value| value.tensor);
    let part = gradient.as_ref().map_or([0; 3], |gradient| division(gradient, stacked));
    let gradient = gradient.map_or_else(|| Tensor::zeros([1, 1], &state[0].device()), |gradient| gradient.tensor);
    let mut numbers = numbers.to_vec();
    numbers.resize(whole[0], None);
    device_adam::step(state, whole, gradient, part, &numbers)
}

/// Members, rows and columns of a value.
fn division(value: &Value, stacked: bool) -> Division {
    match (&value.shape()[..], stacked) {
        (&[members, rows, columns], _) => [members, rows, columns],
        (&[members, columns], true) => [members, 1, columns],
        (&[rows, columns], false) => [1, rows, columns],
        (&[columns], _) => [1, 1, columns],
        _ => unreachable!("parameters have one to three dimensions"),
    }
}
