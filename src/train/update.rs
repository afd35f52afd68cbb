//! One update: an architecture is cut out, its gradients over all micro-batches are summed, and Adam takes one step.

use super::loss_scale::LossScale;
use super::optimizer::Adam;
use super::schedule::learning_rate;
use crate::config::TrainConfig;
use crate::device::to_host;
use crate::error::Result;
use crate::kernels::LossSums;
use crate::model::loss::{Objective, Sentences, differentiate};
use crate::model::precision::Products;
use crate::model::{Pass, Supernet, Values};
use crate::seed;
use crate::space::Architecture;
use crate::text::Batch;
use burn::tensor::Tensor;
use rand::Rng;

/// The supernet's weights, the optimizer's state, and what both are updated with.
pub struct Trainer {
    /// The weights.
    pub supernet: Supernet,
    /// The optimizer.
    pub adam: Adam,
    /// Of gradients in half precision; `None` where they need none.
    pub loss_scale: Option<LossScale>,
    /// The settings that both are updated with.
    pub config: TrainConfig,
    seed: u64,
}

/// What one update did.
#[derive(Debug, Clone, Copy)]
pub struct UpdateReport {
    /// Losses over all micro-batches, before the step.
    pub sums: LossSums,
    /// The learning rate of the step.
    pub lr: f64,
    /// Scaled gradients overflowed: no weight has changed.
    pub skipped: bool,
}

impl Trainer {
    /// Starts from `supernet` with fresh moments. Dropout draws from `seed`.
    pub fn new(supernet: Supernet, config: &TrainConfig, seed: u64) -> Self {
        Self::resumed(supernet, Adam::default(), config, seed)
    }

    /// Goes on with the moments `adam`.
    pub fn resumed(supernet: Supernet, adam: Adam, config: &TrainConfig, seed: u64) -> Self {
        let loss_scale = LossScale::start(config.precision);
        Self { supernet, adam, loss_scale, config: config.clone(), seed }
    }

    /// Trains `architecture` on `batches` (its micro-batches), `done` updates having been made before. An update whose scaled
    /// gradients overflowed changes no weight, but counts.
    ///
    /// # Errors
    /// The architecture does not fit into the supernet; gradients overflow whatever the loss scale.
    pub fn update(&mut self, architecture: &Architecture, batches: &[Batch], done: usize) -> Result<UpdateReport> {
        let (sums, mut gradients) = self.gradients(architecture, batches, done)?;
        let lr = learning_rate(&self.config, done);
        let scale = 1.0 / (sums.tokens.max(1) as f64 * self.scale());
        let mut clip = 1.0;
        if self.config.clip_norm > 0.0 || self.loss_scale.is_some() {
            let norm = scale * norm(&gradients);
            clip = clip_factor(norm, self.config.clip_norm);
            if let Some(loss_scale) = &mut self.loss_scale {
                loss_scale.note(norm.is_finite())?;
                if !norm.is_finite() {
                    return Ok(UpdateReport { sums, lr, skipped: true });
                }
            }
        }
        let scale = scale * clip;
        let parts = self.supernet.parts(architecture);
        let weights = &mut self.supernet.values;
        self.adam.update(weights, parts.keys(), &mut gradients, scale, lr, &self.config);
        Ok(UpdateReport { sums, lr, skipped: false })
    }

    /// What the objective is multiplied by.
    fn scale(&self) -> f64 {
        self.loss_scale.map_or(1.0, |loss_scale| loss_scale.scale)
    }

    /// Losses and gradient sums, times the loss scale, of `batches`; the weights stay as they are.
    pub fn gradients(&self, architecture: &Architecture, batches: &[Batch], done: usize) -> Result<(LossSums, Values)> {
        let products = Products::new(self.config.precision, &self.supernet.device).scaled(self.scale());
        let model = self.supernet.cut(architecture, true)?.with_products(products);
        let objective = objective(&self.config);
        let mut dropout_seeds = seed::stream(self.seed, "dropout", done as u64);
        let mut sums = LossSums::default();
        let mut total = Values::new();
        for batch in batches {
            let pass = Pass::training(dropout_seeds.next_u64());
            let (part, gradients, _) = differentiate(&model, sentences(batch), &objective, pass);
            sums.add(&part);
            accumulate(&mut total, gradients);
        }
        Ok((sums, self.supernet.gradients(architecture, total)))
    }
}

/// The objective that `config` asks for.
pub(super) fn objective(config: &TrainConfig) -> Objective {
    Objective {
        label_smoothing: config.label_smoothing,
        encoder_load_balance: config.encoder_load_balance,
        decoder_load_balance: config.decoder_load_balance,
    }
}

/// `batch` as the model takes it.
pub(super) fn sentences(batch: &Batch) -> Sentences<'_> {
    Sentences { source: &batch.source, previous: &batch.prev_output, target: &batch.target, batch: batch.sentences }
}

fn accumulate(total: &mut Values, gradients: Values) {
    if total.is_empty() {
        *total = gradients;
        return;
    }
    for (name, gradient) in gradients {
        let sum = match total.remove(&name) {
            Some(sum) => sum.kind().of(sum.tensor + gradient.tensor),
            None => gradient,
        };
        total.insert(name, sum);
    }
}

/// The norm of all gradients together.
fn norm(gradients: &Values) -> f64 {
    if gradients.is_empty() {
        return 0.0;
    }
    let square = |gradient: &crate::model::Value| {
        let tensor = gradient.tensor.clone();
        (tensor.clone() * tensor).sum()
    };
    // Read together: on a graphics device each reading waits.
    let squares = to_host(Tensor::cat(gradients.values().map(square).collect(), 0));
    squares.into_iter().map(f64::from).sum::<f64>().sqrt()
}

/// What brings `norm` down to `limit` (1 where it is within, or where `limit` is 0).
fn clip_factor(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 && norm > limit { limit / norm } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tables;
    use crate::model::weights::{Init, Shapes, Shared, WeightSharing, leading_slice::LeadingSlice};
    use crate::model::{Kind, TransformerConfig, Value};
    use burn::tensor::Device;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// The reference's slices, those of `fc1.weight` times a gain that is learned with them.
    #[derive(Debug)]
    struct Gained;

    fn is_gained(name: &str) -> bool {
        name.ends_with("fc1.weight")
    }

    impl WeightSharing for Gained {
        fn name(&self) -> &'static str {
            "gained"
        }

        fn parameters(&self, config: &TransformerConfig) -> Shapes {
            self.parts(config, &config.architecture)
        }

        fn initial(&self, name: &str, declared: &BTreeMap<String, Init>) -> Init {
            if name == "gain" { Init::Constant(1.5) } else { declared[name] }
        }

        fn weight(&self, shared: Shared<'_>, _: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
            let slice = shared.slice(name, shape)?;
            let gain = shared.values["gain"].tensor.clone();
            Ok(if is_gained(name) { slice.kind().of(slice.tensor * gain) } else { slice })
        }

        fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
            let mut parts = LeadingSlice.parts(config, architecture);
            parts.insert("gain".into(), vec![1]);
            parts
        }

        fn gradients(&self, shared: Shared<'_>, _: &Architecture, of_subnet: Values) -> Values {
            let gain = shared.values["gain"].tensor.clone();
            let mut of_gain = gain.zeros_like();
            let mut gradients = Values::new();
            for (name, gradient) in of_subnet {
                if !is_gained(&name) {
                    gradients.insert(name, gradient);
                    continue;
                }
                let slice = shared.slice(&name, &gradient.shape()).unwrap().tensor;
                of_gain = of_gain + (slice * gradient.tensor.clone()).sum().unsqueeze();
                gradients.insert(name, gradient.kind().of(gradient.tensor * gain.clone()));
            }
            gradients.insert("gain".into(), Kind::Vector.of(of_gain));
            gradients
        }
    }

    fn trainer() -> Trainer {
        let config = TransformerConfig {
            architecture: Architecture::dense(16, 32, 2, 2, 2),
            qkv_dim: 16,
            source_vocab: 12,
            target_vocab: 12,
            tables: Tables::Shared,
            encoder_supernet_dim: 16,
            decoder_supernet_dim: 16,
            dropout: 0.0,
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            expert_dropout_ratio: 1.0,
            capacity_factor: 0.0,
        };
        let supernet = Supernet::init(config, Arc::new(Gained), 1, &Device::flex());
        Trainer::new(supernet, &TrainConfig::default(), 1)
    }

    fn batch() -> Batch {
        Batch {
            source: vec![4, 5, 6, 2],
            prev_output: vec![2, 7, 8, 9],
            target: vec![7, 8, 9, 2],
            sentences: 1,
            source_len: 4,
            target_len: 4,
            target_tokens: 4,
            indices: vec![0],
        }
    }

    #[test]
    fn a_rule_of_weight_sharing_may_have_parameters_of_its_own() {
        let mut trainer = trainer();
        let (subnet, batches) = (Architecture::dense(8, 16, 2, 1, 1), [batch()]);
        let gradient = |trainer: &Trainer| trainer.gradients(&subnet, &batches, 0).unwrap();
        let loss_at = |gain: f32| {
            let mut moved = super::tests::trainer();
            moved.supernet.values.insert("gain".into(), Value::from_vec(vec![gain], &[1], &Device::flex()));
            gradient(&moved).0.loss
        };
        let found = f64::from(gradient(&trainer).1["gain"].to_vec()[0]);
        let differences = (loss_at(1.51) - loss_at(1.49)) / 0.02;
        assert!((found - differences).abs() < 1e-3 * differences.abs(), "{found}, expected {differences}");

        let whole = trainer.supernet.values["encoder.layers.0.ffn.fc1.weight"].to_vec();
        trainer.update(&subnet, &batches, 0).unwrap();
        assert_ne!(trainer.supernet.values["gain"].to_vec(), [1.5]);
        let after = trainer.supernet.values["encoder.layers.0.ffn.fc1.weight"].to_vec();
        let moved: Vec<bool> = whole.iter().zip(&after).map(|(before, after)| before != after).collect();
        assert!(moved[0] && !moved[8..16].contains(&true), "the slice is moved, and no more");
    }
}
