//! One step of Adam on a graphics device, in place: a launch for as many parameters as a kernel can be given, all experts of
//! a group among them. And the sum of their gradients' squares, likewise.

use super::tensor::{CubeTensor, buffer, cubes, empty, own, primitive};
use crate::device::all_to_host;
use crate::kernels::adam_step::{AdamStep, Division, Stepped};
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Tensor;
use cubecl::prelude::*;

const UNITS: usize = 256;
/// Numbers of one member's step in the table that the kernel reads.
const NUMBERS: usize = 3;
/// Parameters of one launch at the most: the kernel has its steps written one after another for each.
const MOST: usize = 8;
/// Cubes that one gradient's squares are summed by.
const PARTS: usize = 32;

/// What a launch is given of a parameter.
struct Held {
    state: [CubeTensor; 3],
    gradient: Option<CubeTensor>,
    whole: Division,
    /// The leading part that has a gradient.
    part: Division,
    /// Where its steps start in the table.
    start: usize,
}

impl Held {
    fn elements(&self) -> usize {
        self.whole.iter().product()
    }

    /// The tensors are as large as the kernel takes them to be.
    fn check(&self) {
        let elements = |tensor: &CubeTensor| tensor.shape().num_elements();
        let all = self.elements();
        assert!(self.state.iter().all(|tensor| elements(tensor) == all), "weight and moments have one shape");
        let gradient = self.gradient.as_ref().map_or(0, elements);
        assert!(gradient >= self.part.iter().product::<usize>(), "the gradient has its part's elements");
    }
}

/// The same as the kernel takes it.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Extent {
    /// The first cube that goes through it.
    first_cube: usize,
    elements: usize,
    rows: usize,
    columns: usize,
    part_members: usize,
    part_rows: usize,
    part_columns: usize,
    start: usize,
}

/// Updates weights and moments. Where β1, β2, ε and the gradients' scale are asked for, all steps have the same. A member
/// without a step stays as it is.
pub fn step(parameters: Vec<Stepped>) -> Vec<[Tensor<2>; 3]> {
    let common = parameters.iter().flat_map(|parameter| &parameter.steps).flatten().next().copied();
    let (Some(common), Some(first)) = (common, parameters.first()) else {
        return parameters.into_iter().map(|parameter| parameter.state).collect();
    };
    let device = first.state[0].device();
    let numbers: Vec<f32> = parameters.iter().flat_map(numbers).collect();
    let mut start = 0;
    let mut held = Vec::new();
    for Stepped { state, whole, gradient, .. } in parameters {
        let (gradient, part) = gradient.map_or((None, [0; 3]), |(gradient, part)| (Some(primitive(gradient)), part));
        let parameter = Held { state: state.map(own), gradient, whole, part, start };
        parameter.check();
        start += whole[0] * NUMBERS;
        held.push(parameter);
    }
    let table = primitive(Tensor::<1>::from_data(numbers.as_slice(), &device));
    held.chunks(at_once(&table, 4)).for_each(|held| launch(held, &table, &common));
    held.into_iter().map(|held| held.state.map(Tensor::from_primitive::<Cube>)).collect()
}

/// The numbers of each member's step: whether it takes one, its size, and what it keeps of the weight.
fn numbers(parameter: &Stepped) -> Vec<f32> {
    let step = |step: Option<&Option<AdamStep>>| {
        step.and_then(|step| *step).map_or([0.0; NUMBERS], |step| [1.0, step.step_size, step.keep])
    };
    (0..parameter.whole[0]).flat_map(|member| step(parameter.steps.get(member))).collect()
}

/// Parameters of one launch, of each of which the kernel has so many buffers.
fn at_once(tensor: &CubeTensor, buffers: usize) -> usize {
    // The table or the sums, and one that the runtime adds.
    let bindings = tensor.client.properties().hardware.max_bindings as usize;
    (bindings.saturating_sub(2) / buffers).clamp(1, MOST)
}

fn launch(held: &[Held], table: &CubeTensor, common: &AdamStep) {
    let mut cubes_before = 0;
    let extents = held.iter().map(|parameter| {
        let (&Held { whole: [_, rows, columns], part, start, .. }, first) = (parameter, cubes_before);
        cubes_before += parameter.elements().div_ceil(UNITS);
        ExtentLaunch::new(first, parameter.elements(), rows, columns, part[0], part[1], part[2], start)
    });
    let extents = extents.collect();
    let part = |index: usize| held.iter().map(|held| buffer(&held.state[index])).collect();
    let gradients = held.iter().map(|held| buffer(held.gradient.as_ref().unwrap_or(table))).collect();
    // Safety: units past the last element of a parameter do nothing; the gradient is read within its part only, whose size is
    // checked.
    unsafe {
        adam_kernel::launch_unchecked(
            &table.client,
            cubes(cubes_before, 1),
            CubeDim::new_1d(UNITS as u32),
            part(0),
            part(1),
            part(2),
            gradients,
            buffer(table),
            extents,
            common.beta1,
            common.beta2,
            common.epsilon,
            common.gradient_scale,
            held.len(),
        );
    }
}

/// The sum of the squares of all elements. Waits for the device, once.
pub fn sum_of_squares(tensors: &[Tensor<2>]) -> f64 {
    let tensors: Vec<CubeTensor> = tensors.iter().map(|tensor| primitive(tensor.clone())).collect();
    let Some(first) = tensors.first() else { return 0.0 };
    let sums: Vec<Tensor<1>> = tensors
        .chunks(at_once(first, 1))
        .map(|tensors| {
            let sums = empty(first, [tensors.len() * PARTS]);
            // Safety: units go through their tensor's elements.
            unsafe {
                squares_kernel::launch_unchecked(
                    &first.client,
                    CubeCount::Static(PARTS as u32, tensors.len() as u32, 1),
                    CubeDim::new_1d(UNITS as u32),
                    tensors.iter().map(buffer).collect(),
                    tensors.iter().map(|tensor| tensor.shape().num_elements()).collect(),
                    buffer(&sums),
                    tensors.len(),
                );
            }
            Tensor::from_primitive::<Cube>(sums)
        })
        .collect();
    all_to_host(sums).into_iter().map(f64::from).sum()
}

#[cube(launch_unchecked)]
fn adam_kernel(
    weights: &mut Sequence<Box<[f32]>>,
    firsts: &mut Sequence<Box<[f32]>>,
    seconds: &mut Sequence<Box<[f32]>>,
    gradients: &Sequence<Box<[f32]>>,
    table: &[f32],
    extents: &Sequence<Extent>,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    gradient_scale: f32,
    #[comptime] parameters: usize,
) {
    #[unroll]
    for i in 0..parameters {
        let extent = &extents[i];
        if CUBE_POS >= extent.first_cube {
            let place = (CUBE_POS - extent.first_cube) * UNITS + UNIT_POS as usize;
            if place < extent.elements {
                let column = place % extent.columns;
                let row = place / extent.columns % extent.rows;
                let member = place / extent.columns / extent.rows;
                let mut slope = 0.0f32;
                if member < extent.part_members && row < extent.part_rows && column < extent.part_columns {
                    let place = (member * extent.part_rows + row) * extent.part_columns + column;
                    slope = element_of(&gradients[i], place) * gradient_scale;
                }
                let numbers = extent.start + member * NUMBERS;
                if table[numbers] != 0.0f32 {
                    let mean = moment(&mut firsts[i], place, beta1, slope);
                    let square = moment(&mut seconds[i], place, beta2, slope * slope);
                    let moved = table[numbers + 1] * mean / (square.sqrt() + epsilon);
                    move_weight(&mut weights[i], place, table[numbers + 2], moved);
                }
            }
        }
    }
}

#[cube]
fn element_of(tensor: &[f32], place: usize) -> f32 {
    tensor[place]
}

/// The moment at `place` with its share of `value`, which is then there.
#[cube]
fn moment(moments: &mut [f32], place: usize, beta: f32, value: f32) -> f32 {
    let found = beta * moments[place] + (1.0f32 - beta) * value;
    moments[place] = found;
    found
}

#[cube]
fn move_weight(weights: &mut [f32], place: usize, keep: f32, by: f32) {
    weights[place] = weights[place] * keep - by;
}

#[cube(launch_unchecked)]
fn squares_kernel(tensors: &Sequence<Box<[f32]>>, sizes: &Sequence<usize>, sums: &mut [f32], #[comptime] count: usize) {
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let tensor = CUBE_POS_Y as usize;
    let mut sum = 0.0f32;
    #[unroll]
    for i in 0..count {
        if tensor == i {
            let elements = sizes[i];
            let mut place = CUBE_POS_X as usize * UNITS + unit;
            while place < elements {
                let value = element_of(&tensors[i], place);
                sum += value * value;
                place += PARTS * UNITS;
            }
        }
    }
    shared[unit] = sum;
    sync_cube();
    if unit == 0 {
        let mut total = 0.0f32;
        for other in 0..UNITS {
            total += shared[other];
        }
        sums[tensor * PARTS + CUBE_POS_X as usize] = total;
    }
}
