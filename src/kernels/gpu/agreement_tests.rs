//! Operators on a graphics device against those of the CPU, in sizes that no cube computes at one go.

use crate::kernels::adam_step::{AdamStep, Stepped};
use crate::kernels::operators::{adam, sum_of_squares};
use crate::kernels::tests::{host, numbers};
use crate::test_devices::vulkan;
use burn::tensor::{Device, Tensor, TensorData};

fn tensor<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers(seed, shape.iter().product()), shape), device)
}

fn assert_near(what: &str, found: &[Vec<f32>], want: &[Vec<f32>]) {
    assert_eq!(found.len(), want.len(), "{what}");
    for (result, (found, want)) in found.iter().zip(want).enumerate() {
        let scale = want.iter().fold(1e-3, |largest: f32, value| largest.max(value.abs()));
        let worst = found.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
        assert!(found.len() == want.len() && worst < 2e-5, "{what}: result {result}: {worst}");
    }
}

#[test]
fn many_parameters_take_their_steps_in_few_launches() {
    let Some(device) = vulkan("the optimizer on vulkan") else { return };
    let shapes: Vec<[usize; 2]> = (1..20).map(|i| [1 + i * 5 % 7, 3 + 37 * i]).collect();
    let step = |i: usize| AdamStep {
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
        step_size: 0.01 * i as f32,
        keep: 0.99,
        gradient_scale: 0.5,
    };
    let [found, want] = [&device, &Device::flex()].map(|device| {
        let parameter = |(i, &[rows, columns]): (usize, &[usize; 2])| {
            let part = [rows.div_ceil(2), columns - 1];
            let gradient = (tensor(200 + i as u64, part, device), [1, part[0], part[1]]);
            Stepped {
                state: [0, 1, 2].map(|k| tensor(3 * i as u64 + k, [rows, columns], device).abs()),
                whole: [1, rows, columns],
                gradient: (i % 4 != 1).then_some(gradient),
                steps: vec![Some(step(i))],
            }
        };
        let parameters: Vec<Stepped> = shapes.iter().enumerate().map(parameter).collect();
        let gradients: Vec<_> = parameters.iter().filter_map(|p| Some(p.gradient.clone()?.0)).collect();
        let squares = sum_of_squares(&gradients) as f32;
        let state = adam(parameters).into_iter().flatten().map(host);
        [vec![squares]].into_iter().chain(state).collect::<Vec<_>>()
    });
    assert_near("Adam", &found, &want);
}
