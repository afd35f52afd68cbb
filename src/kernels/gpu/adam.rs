//! One Adam step of one parameter on a graphics device: one launch, in place, for all experts of a group.

use super::tensor::{CubeTensor, buffer, cubes, primitive};
use crate::kernels::adam_step::{AdamStep, Division};
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::{Tensor, TensorData};
use cubecl::prelude::*;

const UNITS: usize = 256;
/// Numbers of one member's step in the table that the kernel reads.
const NUMBERS: usize = 3;

/// Updates weight and moments, `whole` each. `gradient` is a leading part of that shape, `part`. A member without a step
/// stays as it is. Where β1, β2 and ε are asked for, all steps have the same.
pub fn step(
    state: [Tensor<2>; 3],
    whole: Division,
    gradient: Tensor<2>,
    part: Division,
    steps: &[Option<AdamStep>],
) -> [Tensor<2>; 3] {
    let state = state.map(|tensor| {
        let tensor = primitive(tensor);
        // The kernel writes in place: what others hold must not change.
        if tensor.can_mut() { tensor } else { tensor.copy() }
    });
    let Some(common) = steps.iter().flatten().next() else {
        return state.map(Tensor::from_primitive::<Cube>);
    };
    let table: Vec<f32> = steps
        .iter()
        .flat_map(|step| step.as_ref().map_or([0.0; NUMBERS], |step| [1.0, step.step_size, step.keep]))
        .collect();
    let elements = |tensor: &CubeTensor| tensor.shape().num_elements();
    assert!(
        state.iter().all(|tensor| elements(tensor) == whole.iter().product::<usize>()),
        "weight and moments have one shape"
    );
    let gradient = primitive(gradient);
    assert!(elements(&gradient) >= part.iter().product::<usize>(), "the gradient has its part's elements");
    let device = Tensor::<2>::from_primitive::<Cube>(gradient.clone()).device();
    let table = primitive(Tensor::<1>::from_data(TensorData::new(table, [steps.len() * NUMBERS]), &device));
    launch(&state, whole, &gradient, part, &table, common);
    state.map(Tensor::from_primitive::<Cube>)
}

fn launch(
    [weight, first, second]: &[CubeTensor; 3],
    [members, rows, columns]: Division,
    gradient: &CubeTensor,
    part: Division,
    table: &CubeTensor,
    common: &AdamStep,
) {
    // Safety: units past the last element end at once; the gradient is read within its part only, whose size is checked.
    unsafe {
        adam_kernel::launch_unchecked(
            &weight.client,
            cubes(members * rows * columns, UNITS),
            CubeDim::new_1d(UNITS as u32),
            buffer(weight),
            buffer(first),
            buffer(second),
            buffer(gradient),
            buffer(table),
            members * rows * columns,
            rows,
            columns,
            part[0],
            part[1],
            part[2],
            common.beta1,
            common.beta2,
            common.epsilon,
            common.gradient_scale,
        );
    }
}

#[cube(launch_unchecked)]
fn adam_kernel(
    weight: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    table: &[f32],
    elements: usize,
    rows: usize,
    columns: usize,
    part_members: usize,
    part_rows: usize,
    part_columns: usize,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    gradient_scale: f32,
) {
    let place = ABSOLUTE_POS;
    if place >= elements {
        terminate!();
    }
    let column = place % columns;
    let row = place / columns % rows;
    let member = place / columns / rows;
    if table[member * NUMBERS] == 0.0f32 {
        terminate!();
    }
    let mut slope = 0.0f32;
    if member < part_members && row < part_rows && column < part_columns {
        slope = gradient[(member * part_rows + row) * part_columns + column] * gradient_scale;
    }
    let mean = beta1 * first[place] + (1.0f32 - beta1) * slope;
    let square = beta2 * second[place] + (1.0f32 - beta2) * slope * slope;
    first[place] = mean;
    second[place] = square;
    let moved = table[member * NUMBERS + 1] * mean / (square.sqrt() + epsilon);
    weight[place] = weight[place] * table[member * NUMBERS + 2] - moved;
}
