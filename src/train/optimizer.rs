//! Adam as the reference has it: step counts and moments belong to each parameter and rest while it takes no part.

use crate::config::TrainConfig;
use crate::kernels::{AdamStep, Stepped, operators};
use crate::model::weights::{Shapes, Value, Values, layout};
use std::collections::BTreeMap;

/// Moments and step counts of one parameter.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Running mean of the gradient, in the weight's shape.
    pub first: Value,
    /// Running mean of its square.
    pub second: Value,
    /// Updates that the parameter took part in; of a group, those that each expert took part in.
    pub steps: Vec<u64>,
}

impl Moments {
    fn zero(weight: &Value) -> Self {
        let zero = || weight.kind().of(weight.tensor.zeros_like());
        Self { first: zero(), second: zero(), steps: Vec::new() }
    }
}

/// The optimizer's state.
#[derive(Debug, Clone, Default)]
pub struct Adam {
    /// By parameter name; absent until a parameter's first update.
    pub moments: BTreeMap<String, Moments>,
}

impl Adam {
    /// One update of the parameters `parts`, by name, experts one by one. Their gradients, as the device holds them, are
    /// leading slices, multiplied by `gradient_scale`; one without an entry takes part with gradient 0.
    pub fn update<'a>(
        &mut self,
        weights: &mut Values,
        parts: impl Iterator<Item = &'a String>,
        gradients: &mut Values,
        gradient_scale: f64,
        lr: f64,
        config: &TrainConfig,
    ) {
        let mut stepped = Vec::new();
        let mut names = Vec::new();
        for (name, members) in held(parts, weights) {
            let Some((name, weight)) = weights.remove_entry(&name) else {
                continue;
            };
            let mut moments = self.moments.remove(&name).unwrap_or_else(|| Moments::zero(&weight));
            let last = members.last().map_or(0, |member| member + 1);
            moments.steps.resize(last.max(moments.steps.len()), 0);
            members.iter().for_each(|&member| moments.steps[member] += 1);
            let number = |member: usize| numbers(config, moments.steps[member], lr, gradient_scale);
            let steps = (0..last).map(|m| members.contains(&m).then(|| number(m))).collect();
            // The tensors move into the step, which then updates them in place.
            let (kind, whole) = (weight.kind(), layout::division(&name, &weight));
            let gradient = gradients.remove(&name).map(|gradient| {
                let part = layout::division(&name, &gradient);
                (gradient.tensor, part)
            });
            let state = [weight, moments.first, moments.second].map(|value| value.tensor);
            stepped.push(Stepped { state, whole, gradient, steps });
            names.push((name, kind, moments.steps));
        }
        for ((name, kind, steps), state) in names.into_iter().zip(operators::adam(stepped)) {
            let [weight, first, second] = state.map(|tensor| kind.of(tensor));
            weights.insert(name.clone(), weight);
            self.moments.insert(name, Moments { first, second, steps });
        }
    }

    /// The moments of the parameters of `shapes`, experts one by one; none of those that have taken part in no update.
    pub(super) fn named(&self, shapes: &Shapes) -> BTreeMap<String, Moments> {
        let part = |of: fn(&Moments) -> &Value| {
            let stored = self.moments.iter().map(|(name, moments)| (name.clone(), of(moments).clone()));
            layout::ungroup(&stored.collect(), shapes)
        };
        let (firsts, mut seconds) = (part(|moments| &moments.first), part(|moments| &moments.second));
        let moments = firsts.into_iter().filter_map(|(name, first)| {
            let (stored, member) = layout::held(&name, &self.moments);
            let steps = self.moments.get(&stored)?.steps.get(member).copied().filter(|&steps| steps > 0)?;
            let second = seconds.remove(&name)?;
            Some((name, Moments { first, second, steps: vec![steps] }))
        });
        moments.collect()
    }

    /// The inverse of [`Adam::named`]; `laid_out` brings values by name into the form that the device holds them in.
    pub(super) fn from_named(named: BTreeMap<String, Moments>, laid_out: impl Fn(Values) -> Values) -> Self {
        let part = |of: fn(&Moments) -> &Value| {
            laid_out(named.iter().map(|(name, moments)| (name.clone(), of(moments).clone())).collect())
        };
        let mut seconds = part(|moments| &moments.second);
        let firsts = part(|moments| &moments.first).into_iter();
        let mut moments: BTreeMap<String, Moments> = firsts
            .filter_map(|(name, first)| {
                let second = seconds.remove(&name)?;
                Some((name, Moments { first, second, steps: Vec::new() }))
            })
            .collect();
        for (name, part) in &named {
            let (stored, member) = layout::held(name, &moments);
            if let Some(moments) = moments.get_mut(&stored) {
                moments.steps.resize(moments.steps.len().max(member + 1), 0);
                moments.steps[member] = part.steps[0];
            }
        }
        Self { moments }
    }
}

/// The parameters as `weights` holds them, and which of each one's members are among `parts`: 0 of one that is no group.
fn held<'a>(parts: impl Iterator<Item = &'a String>, weights: &Values) -> BTreeMap<String, Vec<usize>> {
    let mut held: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for name in parts {
        let (name, member) = layout::held(name, weights);
        held.entry(name).or_default().push(member);
    }
    held.values_mut().for_each(|members| members.sort_unstable());
    held
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_devices::devices;
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
        for (_, device) in devices("Adam on vulkan") {
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
            assert_eq!((adam.moments["a"].steps.as_slice(), adam.moments.len()), (&[2][..], 1));
        }
    }
}
