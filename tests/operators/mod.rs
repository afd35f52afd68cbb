//! Gradients of every operator that the model leans on, against finite differences, on every device.

use crate::devices::devices;
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::module::layer_norm;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt;

const ROWS: usize = 4;
const COLUMNS: usize = 6;
/// Half the distance of the two points that a slope is measured between.
const STEP: f32 = 1e-2;

/// An operator from `[ROWS, COLUMNS]` to any shape.
type Operator = Box<dyn Fn(Tensor<2>) -> Tensor<2>>;

fn random(seed: u64, shape: [usize; 2], device: &Device) -> Tensor<2> {
    let mut rng = automoe::seed::stream(seed, "operators", 0);
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn index(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

fn operators(device: &Device) -> Vec<(&'static str, Operator)> {
    let square = random(2, [COLUMNS, COLUMNS], device);
    let (gamma, beta) = (random(3, [1, COLUMNS], device), random(4, [1, COLUMNS], device));
    let (rows, places) = (index(&[2, 0, 2, 1, 3], device), index(&[5, 1, 9, 22], device));
    let columns: Tensor<2, Int> = index(&[1, 0, 5, 3], device).reshape([ROWS, 1]);
    let tall = random(5, [3, COLUMNS], device);
    vec![
        ("matmul with a transposed weight", Box::new(move |x| x.matmul(square.clone().transpose()))),
        ("product of a tensor with itself", Box::new(|x| x.clone().matmul(x.transpose()))),
        (
            "broadcast sum",
            Box::new({
                let beta = beta.clone();
                move |x| x + beta.clone()
            }),
        ),
        (
            "broadcast product",
            Box::new({
                let gamma = gamma.clone();
                move |x| x * gamma.clone()
            }),
        ),
        ("softmax", Box::new(|x| softmax(x, 1))),
        ("log-softmax", Box::new(|x| log_softmax(x, 1))),
        ("relu", Box::new(relu)),
        (
            "layer norm",
            Box::new(move |x| {
                layer_norm(x, gamma.clone().reshape([COLUMNS]), Some(beta.clone().reshape([COLUMNS])), 1e-5)
            }),
        ),
        ("selected rows", Box::new(move |x| x.select(0, rows.clone()))),
        ("selected places", Box::new(move |x| x.reshape([ROWS * COLUMNS]).select(0, places.clone()).unsqueeze())),
        ("gathered columns", Box::new(move |x| x.gather(1, columns.clone()))),
        ("slice", Box::new(|x| x.slice([1..3, 2..5]))),
        ("concatenation", Box::new(move |x| Tensor::cat(vec![x.clone() * 2.0, tall.clone(), x], 0))),
        (
            "heads apart and together",
            Box::new(|x| {
                let heads = x.reshape([2, 2, 2, 3]).swap_dims(1, 2);
                heads.clone().matmul(heads.swap_dims(2, 3)).swap_dims(1, 2).reshape([4, 4])
            }),
        ),
        ("sums over a dimension", Box::new(|x| x.clone().sum_dim(0) * x.sum_dim(1))),
        ("repeated columns", Box::new(|x| x.repeat_dim(1, 3))),
    ]
}

/// Σ weight · operator(x), so that every output has a slope of its own.
fn objective(operator: &Operator, x: Tensor<2>) -> Tensor<1> {
    let y = operator(x);
    let weight = random(9, y.dims(), &y.device().inner());
    (y * weight).sum()
}

#[test]
fn gradients_are_the_slopes() {
    for (device_name, device) in devices("operators on vulkan") {
        for (name, operator) in operators(&device) {
            let values: Vec<f32> = random(1, [ROWS, COLUMNS], &device).into_data().try_into_vec().unwrap();
            let at = |values: &[f32]| -> Tensor<2> {
                Tensor::from_data(TensorData::new(values.to_vec(), [ROWS, COLUMNS]), &device)
            };
            let leaf = Tensor::from_inner(at(&values)).require_grad();
            let gradients = objective(&operator, leaf.clone()).backward();
            let gradient: Vec<f32> = leaf.grad(&gradients).unwrap().into_data().try_into_vec().unwrap();
            let mut worst = 0.0f32;
            for place in 0..values.len() {
                let moved = |by: f32| {
                    let mut values = values.clone();
                    values[place] += by;
                    objective(&operator, at(&values)).into_scalar::<f32>()
                };
                let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                worst = worst.max((gradient[place] - slope).abs() / slope.abs().max(1.0));
            }
            println!("operators on {device_name}: {name}: worst error {worst:.1e}");
            assert!(worst < 2e-2, "{name} on {device_name}: {worst}");
        }
    }
}
