//! Gradients of every operator of ours, with respect to every input, against finite differences, on every device.

use crate::devices::devices;
use automoe::kernels::operators::{
    LinearMap, add_norm, combine, cross_attention, embed, feed_forward, gather, linear, self_attention,
};
use automoe::kernels::{Dropout, Mask, assign, losses};
use automoe::text::PAD;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt;
use std::sync::{Arc, OnceLock};

/// Half the distance of the two points that a slope is measured between.
const STEP: f32 = 1e-2;

type Operator = Box<dyn Fn(&[Tensor<2>]) -> Tensor<2>>;

/// An operator, and the shapes of its inputs.
struct Case {
    name: &'static str,
    inputs: Vec<[usize; 2]>,
    operator: Operator,
    /// Whether graphics devices have it.
    everywhere: bool,
}

fn random(seed: u64, shape: [usize; 2]) -> Vec<f32> {
    let mut rng = automoe::seed::stream(seed, "operators", 0);
    (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn tensor(values: &[f32], shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn map<'a>(weight: &Tensor<2>, bias: &Tensor<2>, panels: &'a OnceLock<automoe::kernels::Panels>) -> LinearMap<'a> {
    LinearMap { weight: weight.clone(), bias: bias.clone().squeeze_dim(0), panels }
}

fn network(x: &[Tensor<2>], rows: std::ops::Range<usize>, dropout: Mask) -> Tensor<2> {
    let panels = [OnceLock::new(), OnceLock::new()];
    feed_forward(x[0].clone(), [map(&x[1], &x[2], &panels[0]), map(&x[3], &x[4], &panels[1])], rows, dropout)
}

/// The last key of each sentence is padding.
fn mask(batch: usize, keys: usize, device: &Device) -> Option<Tensor<4>> {
    let values: Vec<f32> = (0..batch * keys).map(|i| if i % keys == keys - 1 { -1e9 } else { 0.0 }).collect();
    Some(Tensor::from_data(TensorData::new(values, [batch, 1, 1, keys]), device))
}

fn cases(device: &Device) -> Vec<Case> {
    let case =
        |name, inputs: &[[usize; 2]], operator| Case { name, inputs: inputs.to_vec(), operator, everywhere: true };
    let on_cpu = |name, inputs: &[[usize; 2]], operator| Case { everywhere: false, ..case(name, inputs, operator) };
    let dropout = || Dropout::new(3).mask(0.3);
    let (self_mask, cross_mask) = (mask(2, 3, device), mask(2, 4, device));
    let positions = tensor(&random(8, [6, 4]), [6, 4], device);
    let assignment = Arc::new(assign(&random(7, [5, 3]), 3, 2, None, 0));
    let combined = assignment.clone();
    let feed_forward_inputs = [[4, 3], [8, 3], [1, 8], [3, 8], [1, 3]];
    vec![
        case(
            "linear map",
            &[[4, 6], [5, 6], [1, 5]],
            Box::new(|x| linear(x[0].clone(), map(&x[1], &x[2], &OnceLock::new()))),
        ),
        case("feed-forward network", &feed_forward_inputs, Box::new(|x| network(x, 0..4, Mask::NONE))),
        case("feed-forward network of some rows", &feed_forward_inputs, Box::new(|x| network(x, 1..3, Mask::NONE))),
        on_cpu(
            "feed-forward network with dropout",
            &feed_forward_inputs,
            Box::new(move |x| network(x, 0..4, dropout())),
        ),
        case("look-up", &[[9, 4]], Box::new(move |x| embed(x[0].clone(), &positions, &[5, 3, 2, 3], &[2, 3, 1, 4]))),
        case(
            "self-attention",
            &[[6, 12]],
            Box::new(move |x| self_attention(x[0].clone(), 2, 2, self_mask.clone(), Mask::NONE)),
        ),
        case(
            "cross-attention",
            &[[6, 4], [8, 8]],
            Box::new(move |x| cross_attention(x[0].clone(), x[1].clone(), 2, 2, cross_mask.clone(), Mask::NONE)),
        ),
        case(
            "norm of a sum",
            &[[4, 6], [4, 6], [1, 6], [1, 6]],
            Box::new(|x| {
                let [weight, bias] = [&x[2], &x[3]].map(|row| row.clone().squeeze_dim(0));
                add_norm(x[0].clone(), x[1].clone(), weight, bias, Mask::NONE)
            }),
        ),
        on_cpu("tokens to their experts", &[[5, 4]], Box::new(move |x| gather(x[0].clone(), &assignment))),
        on_cpu("experts' sums", &[[10, 4], [5, 3]], Box::new(move |x| combine(x[0].clone(), x[1].clone(), &combined))),
        case(
            "projection and loss",
            &[[4, 5], [7, 5]],
            Box::new(|x| {
                let target = [3, 6, PAD, 2];
                losses::differentiable(x[0].clone(), x[1].clone(), &target, 0.1, FloatDType::F32).loss.unsqueeze()
            }),
        ),
    ]
}

/// Σ weight · operator(inputs), so that every output has a slope of its own.
fn objective(case: &Case, inputs: &[Tensor<2>]) -> Tensor<1> {
    let y = (case.operator)(inputs);
    let weight = tensor(&random(9, y.dims()), y.dims(), &y.device().inner());
    (y * weight).sum()
}

/// The largest error of a gradient, relative to its slope or to 1.
fn worst_error(case: &Case, device: &Device) -> f32 {
    let values: Vec<Vec<f32>> = (1..).zip(&case.inputs).map(|(seed, shape)| random(seed, *shape)).collect();
    let at = |values: &[Vec<f32>]| -> Vec<Tensor<2>> {
        values.iter().zip(&case.inputs).map(|(values, shape)| tensor(values, *shape, device)).collect()
    };
    let leaves: Vec<_> = at(&values).into_iter().map(|input| Tensor::from_inner(input).require_grad()).collect();
    let gradients = objective(case, &leaves).backward();
    let mut worst = 0.0f32;
    for (input, leaf) in leaves.iter().enumerate() {
        let gradient: Vec<f32> = leaf.grad(&gradients).unwrap().into_data().try_into_vec().unwrap();
        for (place, gradient) in gradient.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[input][place] += by;
                objective(case, &at(&values)).into_scalar::<f32>()
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            worst = worst.max((gradient - slope).abs() / slope.abs().max(1.0));
        }
    }
    worst
}

#[test]
fn gradients_are_the_slopes() {
    for (device_name, device) in devices("operators on vulkan") {
        for case in cases(&device).iter().filter(|case| case.everywhere || device_name == "cpu") {
            let worst = worst_error(case, &device);
            println!("operators on {device_name}: {}: worst error {worst:.1e}", case.name);
            assert!(worst < 2e-2, "{} on {device_name}: {worst}", case.name);
        }
    }
}
