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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn values(named: &[(&str, &[f32])], device: &Device) -> Values {
        let value =
            |(name, data): &(&str, &[f32])| (name.to_string(), Value::from_vec(data.to_vec(), &[data.len()], device));
        named.iter().map(value).collect()
    }

    /// Two steps by hand, with β = (0.9, 0.98). The first moves each weight by lr against its gradient's sign:
    /// lr · sqrt(1 - β2)/(1 - β1) · (1 - β1) g / sqrt((1 - β2) g²). The second has the opposite gradient: the moments are
    /// 0.09 g - 0.1 g = -0.01 g and 0.0196 g² + 0.02 g² = 0.0396 g² = (1 - β2²) g², so that it moves by lr · 0.01/0.19 back.
    #[test]
    fn weight_decay_takes_its_share_before_the_step_and_only_of_what_takes_part() {
        let config =
            TrainConfig { weight_decay: 0.5, adam_betas: [0.9, 0.98], adam_eps: 1e-12, ..TrainConfig::default() };
        let mut devices = vec![Device::flex()];
        devices.extend(device::parse("vulkan").ok());
        for device in devices {
            let mut weights = values(&[("a", &[2.0, -1.0, 4.0]), ("b", &[3.0])], &device);
            let mut adam = Adam::default();
            let part = String::from("a");
            let mut step = |gradient: [f32; 3]| {
                // Twice the gradient of the sum over two tokens.
                let mut gradients = values(&[("a", &gradient)], &device);
                adam.update(&mut weights, [&part].into_iter(), &mut gradients, 0.5, 0.1, &config);
                [weights["a"].to_vec(), weights["b"].to_vec()]
            };
            let near = |got: &[f32], want: [f64; 3]| {
                assert!(
                    got.iter().zip(want).all(|(got, want)| (f64::from(*got) - want).abs() < 1e-6),
                    "{got:?} {want:?}"
                );
            };
            // w · (1 - 0.5 · 0.1), then lr = 0.1 against the sign; nothing where the gradient is 0.
            let [a, b] = step([6.0, -0.5, 0.0]);
            near(&a, [1.9 - 0.1, -0.95 + 0.1, 3.8]);
            assert_eq!(b, [3.0]);
            let [a, b] = step([-6.0, 0.5, 0.0]);
            let back = 0.1 * 0.01 / 0.19;
            near(&a, [1.8 * 0.95 + back, -0.85 * 0.95 - back, 3.8 * 0.95]);
            assert_eq!(b, [3.0]);
            assert_eq!((adam.moments["a"].steps, adam.moments.len()), (2, 1));
        }
    }
}
