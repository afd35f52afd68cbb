//! Gradients of every operator of ours, with respect to every input, against finite differences, on every device.

use crate::devices::devices;
use automoe::kernels::operators::{
    LinearMap, add_embedding_gradient, add_norm, blend, blend_gradients, combine, cross_attention, drop_out, embed,
    feed_forward, gather, linear, self_attention,
};
use automoe::kernels::{Dropout, Mask, SoftTargets, Targets, assign, losses};
use automoe::text::PAD;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt;
use std::sync::{Arc, OnceLock};

/// Half the distance of the two points that a slope is measured between.
const STEP: f32 = 1e-2;

type Operator = Box<dyn Fn(&[Tensor<2>]) -> Tensor<2>>;
/// The gradients of all inputs, from the inputs and the gradient of the output.
type Backward = Box<dyn Fn(&[Tensor<2>], Tensor<2>) -> Vec<Tensor<2>>>;

/// An operator, and the shapes of its inputs.
struct Case {
    name: &'static str,
    inputs: Vec<[usize; 2]>,
    operator: Operator,
    /// Of an operator that stands outside autodiff.
    backward: Option<Backward>,
}

impl Case {
    fn new(name: &'static str, inputs: &[[usize; 2]], operator: impl Fn(&[Tensor<2>]) -> Tensor<2> + 'static) -> Self {
        Self { name, inputs: inputs.to_vec(), operator: Box::new(operator), backward: None }
    }

    fn outside_autodiff(self, backward: impl Fn(&[Tensor<2>], Tensor<2>) -> Vec<Tensor<2>> + 'static) -> Self {
        Self { backward: Some(Box::new(backward)), ..self }
    }
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

const FEED_FORWARD: [[usize; 2]; 5] = [[4, 3], [8, 3], [1, 8], [3, 8], [1, 3]];
const TARGET: [u32; 4] = [3, 6, PAD, 2];
const TOKENS: [u32; 4] = [5, 3, 2, 3];

fn look_up(device: &Device) -> Case {
    let positions = tensor(&random(8, [6, 4]), [6, 4], device);
    Case::new("look-up", &[[9, 4]], move |x| embed(x[0].clone(), &positions, &TOKENS, &[2, 3, 1, 4]))
}

fn dropout() -> Mask {
    Dropout::new(3).mask(0.3)
}

/// What a narrower model predicts.
fn soft_targets(device: &Device) -> SoftTargets {
    let [hidden, table] = [(5, [4, 3]), (6, [7, 3])].map(|(seed, shape)| tensor(&random(seed, shape), shape, device));
    SoftTargets { hidden, table, share: 0.4 }
}

/// Projection and loss, which stand outside autodiff.
fn projection(name: &'static str, soft: Option<SoftTargets>) -> Case {
    let found = Arc::new(move |x: &[Tensor<2>]| {
        let targets = Targets { soft: soft.as_ref(), ..Targets::hard(&TARGET, 0.1) };
        losses::differentiate(x[0].clone(), x[1].clone(), targets, FloatDType::F32, 1.0)
    });
    let of_loss = found.clone();
    let loss = move |x: &[Tensor<2>]| tensor(&[of_loss(x).losses.read(None).loss as f32], [1, 1], &x[0].device());
    Case::new(name, &[[4, 5], [7, 5]], loss).outside_autodiff(move |x, gradient| {
        let found = found(x);
        vec![found.hidden_gradient * gradient.clone(), found.table_gradient * gradient]
    })
}

/// Operators of all devices.
fn everywhere(device: &Device) -> Vec<Case> {
    let (self_mask, cross_mask) = (mask(2, 3, device), mask(2, 4, device));
    vec![
        Case::new("linear map", &[[4, 6], [5, 6], [1, 5]], |x| {
            linear(x[0].clone(), map(&x[1], &x[2], &OnceLock::new()))
        }),
        Case::new("feed-forward network", &FEED_FORWARD, |x| network(x, 0..4, Mask::NONE)),
        Case::new("feed-forward network of some rows", &FEED_FORWARD, |x| network(x, 1..3, Mask::NONE)),
        Case::new("feed-forward network with dropout", &FEED_FORWARD, |x| network(x, 0..4, dropout())),
        Case::new("dropout", &[[4, 6]], |x| drop_out(x[0].clone(), dropout())),
        look_up(device),
        Case { name: "look-up outside autodiff", ..look_up(device) }
            .outside_autodiff(|x, gradient| vec![add_embedding_gradient(x[0].zeros_like(), gradient, &TOKENS)]),
        Case::new("self-attention", &[[6, 12]], move |x| {
            self_attention(x[0].clone(), 2, 2, self_mask.clone(), dropout())
        }),
        Case::new("cross-attention", &[[6, 4], [8, 8]], move |x| {
            cross_attention(x[0].clone(), x[1].clone(), 2, 2, cross_mask.clone(), dropout())
        }),
        Case::new("norm of a sum", &[[4, 6], [4, 6], [1, 6], [1, 6]], |x| {
            let [weight, bias] = [&x[2], &x[3]].map(|row| row.clone().squeeze_dim(0));
            add_norm(x[0].clone(), x[1].clone(), weight, bias, dropout())
        }),
        Case::new("blend of copies", &[[4, 5], [4, 5], [4, 5], [4, 3]], |x| blend(&x[..3], x[3].clone()))
            .outside_autodiff(|x, gradient| {
                let (of_copies, of_shares) = blend_gradients(&x[..3], x[3].clone(), gradient);
                of_copies.into_iter().chain([of_shares]).collect()
            }),
        projection("projection and loss", None),
        projection("projection and loss with soft targets", Some(soft_targets(device))),
    ]
}

/// Those of the CPU alone.
fn on_cpu() -> Vec<Case> {
    let assignment = Arc::new(assign(&random(7, [5, 3]), 3, 2, None, 0));
    let combined = assignment.clone();
    vec![
        Case::new("tokens to their experts", &[[5, 4]], move |x| gather(x[0].clone(), &assignment)),
        Case::new("experts' sums", &[[10, 4], [5, 3]], move |x| combine(x[0].clone(), x[1].clone(), &combined)),
    ]
}

/// Those of graphics devices alone.
#[cfg(feature = "gpu")]
fn on_graphics_devices(device: &Device) -> Vec<Case> {
    use automoe::kernels::operators::mixture;
    use automoe::kernels::{ExpertWeights, Routing};
    use burn::tensor::Int;

    let [tokens, embed, experts, ffn] = [5, 4, 3, 6];
    let sizes = || Tensor::<1, Int>::from_data([6, 0, 4], device);
    let probabilities = random(7, [tokens, experts]);
    let on_host = assign(&probabilities, experts, 2, Some(2), 0);
    let routings = [
        ("mixture", Routing::route(tensor(&probabilities, [tokens, experts], device), sizes(), 2)),
        ("mixture with a capacity", Routing::upload(&on_host, sizes(), device)),
    ];
    let inputs = [
        [tokens, embed],
        [tokens, experts],
        [experts * ffn, embed],
        [experts, ffn],
        [experts * embed, ffn],
        [experts, embed],
    ];
    let case = |(name, routing)| {
        let routing = Arc::new(routing);
        Case::new(name, &inputs, move |x| {
            let weights = ExpertWeights {
                weight1: x[2].clone().reshape([experts, ffn, embed]),
                bias1: x[3].clone(),
                weight2: x[4].clone().reshape([experts, embed, ffn]),
                bias2: x[5].clone(),
            };
            mixture(x[0].clone(), x[1].clone(), weights, &routing, dropout())
        })
    };
    routings.into_iter().map(case).collect()
}

fn cases(device_name: &str, device: &Device) -> Vec<Case> {
    let mut cases = everywhere(device);
    match device_name {
        "cpu" => cases.extend(on_cpu()),
        #[cfg(feature = "gpu")]
        _ => cases.extend(on_graphics_devices(device)),
        #[cfg(not(feature = "gpu"))]
        _ => unreachable!("without graphics devices there is the CPU"),
    }
    cases
}

/// What the outputs are weighed by, so that each has a slope of its own.
fn weight(y: &Tensor<2>) -> Tensor<2> {
    tensor(&random(9, y.dims()), y.dims(), &y.device().inner())
}

/// Σ weight · operator(inputs)
fn objective(case: &Case, inputs: &[Tensor<2>]) -> Tensor<1> {
    let y = (case.operator)(inputs);
    let weight = weight(&y);
    (y * weight).sum()
}

/// The gradients of the objective with respect to all inputs.
fn gradients(case: &Case, inputs: &[Tensor<2>]) -> Vec<Tensor<2>> {
    if let Some(backward) = &case.backward {
        return backward(inputs, weight(&(case.operator)(inputs)));
    }
    let leaves: Vec<_> = inputs.iter().map(|input| Tensor::from_inner(input.clone()).require_grad()).collect();
    let found = objective(case, &leaves).backward();
    leaves.iter().map(|leaf| leaf.grad(&found).unwrap()).collect()
}

/// The largest error of a gradient, relative to the largest slope with respect to the same input.
fn worst_error(case: &Case, device: &Device) -> f32 {
    let values: Vec<Vec<f32>> = (1..).zip(&case.inputs).map(|(seed, shape)| random(seed, *shape)).collect();
    let at = |values: &[Vec<f32>]| -> Vec<Tensor<2>> {
        values.iter().zip(&case.inputs).map(|(values, shape)| tensor(values, *shape, device)).collect()
    };
    let mut worst = 0.0f32;
    for (input, gradient) in gradients(case, &at(&values)).into_iter().enumerate() {
        let gradient: Vec<f32> = gradient.into_data().try_into_vec().unwrap();
        let slope = |place: usize| {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[input][place] += by;
                objective(case, &at(&values)).into_scalar::<f32>()
            };
            (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
        };
        assert_eq!(gradient.len(), values[input].len(), "{}: input {input}", case.name);
        let slopes: Vec<f32> = (0..gradient.len()).map(slope).collect();
        let largest = slopes.iter().fold(0.0, |largest: f32, slope| largest.max(slope.abs()));
        assert!(largest > 0.0, "{}: input {input} does not matter", case.name);
        for (gradient, slope) in gradient.iter().zip(&slopes) {
            let error = (gradient - slope).abs() / largest;
            worst = if error.is_nan() { f32::INFINITY } else { worst.max(error) };
        }
    }
    worst
}

#[test]
fn gradients_are_the_slopes() {
    for (device_name, device) in devices("operators on vulkan") {
        for case in cases(device_name, &device) {
            let worst = worst_error(&case, &device);
            println!("operators on {device_name}: {}: worst error {worst:.1e}", case.name);
            assert!(worst < 1e-3, "{} on {device_name}: {worst}", case.name);
        }
    }
}
