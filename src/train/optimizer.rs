//! Adam as the reference has it: step counts and moments belong to each parameter and rest while it takes no part.

use crate::config::TrainConfig;
use crate::model::kernels::adam::{self, AdamStep};
use crate::model::{Value, Values, device};
use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// Moments and step count of one parameter.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Running mean of the gradient, in the weight's shape.
    pub first: Value,
    /// Running mean of its square.
    pub second: Value,
    /// Updates that the parameter took part in.
    pub steps: u64,
}

impl Moments {
    fn zero(weight: &Value) -> Self {
        let zero = weight.kind().of(weight.tensor.zeros_like());
        Self { first: zero.clone(), second: zero, steps: 0 }
    }
}

/// The optimizer's state.
#[derive(Debug, Clone, Default)]
pub struct Adam {
    /// By parameter name; absent until a parameter's first update.
    pub moments: BTreeMap<String, Moments>,
}

impl Adam {
    /// One update of the parameters `parts`, by name. Their gradients are leading slices, multiplied by `gradient_scale`;
    /// one without an entry takes part with gradient 0.
    pub fn update<'a>(
        &mut self,
        weights: &mut Values,
        parts: impl Iterator<Item = &'a String>,
        gradients: &mut Values,
        gradient_scale: f64,
        lr: f64,
        config: &TrainConfig,
    ) {
        for name in parts {
            let Some((name, weight)) = weights.remove_entry(name) else {
                continue;
            };
            let moments = self.moments.remove(&name).unwrap_or_else(|| Moments::zero(&weight));
            let steps = moments.steps + 1;
            let numbers = numbers(config, steps, lr, gradient_scale);
            // The tensors move into the step, which then updates them in place.
            let kind = weight.kind();
            let state = [weight, moments.first, moments.second].map(|value| value.tensor);
            let [weight, first, second] = step(state, gradients.remove(&name), numbers).map(|tensor| kind.of(tensor));
            weights.insert(name.clone(), weight);
            self.moments.insert(name, Moments { first, second, steps });
        }
    }
}

fn numbers(config: &TrainConfig, steps: u64, lr: f64, gradient_scale: f64) -> AdamStep {
    let [beta1, beta2] = config.adam_betas;
    let t = steps as f64;
    AdamStep {
        beta1: beta1 as f32,
        beta2: beta2 as f32,
        epsilon: config.adam_eps as f32,
        step_size: (lr * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t))) as f32,
        keep: (1.0 - config.weight_decay * lr) as f32,
        gradient_scale: gradient_scale as f32,
    }
}

/// Weight, first and second moment after one step.
fn step(state: [Tensor<2>; 3], gradient: Option<Value>, numbers: AdamStep) -> [Tensor<2>; 3] {
    if device::is_cpu(&state[0].device()) {
        return adam::step(state, gradient.map(|gradient| gradient.tensor), numbers);
    }
    let [weight, first, second] = state;
    let shape = weight.dims();
    let gradient =
        gradient.map_or_else(|| weight.zeros_like(), |gradient| gradient.padded(shape).tensor * numbers.gradient_scale);
    let first = first * numbers.beta1 + gradient.clone() * (1.0 - numbers.beta1);
    let second = second * numbers.beta2 + gradient.clone() * gradient * (1.0 - numbers.beta2);
    let direction = first.clone() / (second.clone().sqrt() + numbers.epsilon);
    [weight * numbers.keep - direction * numbers.step_size, first, second]
}
