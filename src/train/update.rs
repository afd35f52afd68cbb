//! One update: architectures are cut out, their gradients over all micro-batches are summed, and Adam takes one step.

use super::deal::dealt;
use super::gradients::Gradients;
use super::loss_scale::LossScale;
use super::optimizer::Adam;
use super::reduce::{Together, reduce};
use super::schedule::learning_rate;
use super::slots::RoutedTokens;
use crate::config::TrainConfig;
use crate::cost::{projection, training_flops};
use crate::error::Result;
use crate::kernels::operators::sum_of_squares;
use crate::kernels::{LossSums, SoftTargets};
use crate::model::loss::{Objective, Sentences, differentiate};
use crate::model::precision::Products;
use crate::model::{Pass, Supernet, TransformerConfig, Values};
use crate::seed;
use crate::space::Architecture;
use crate::text::Batch;
use crate::world::{Alone, World};
use rand::Rng;
use std::collections::BTreeSet;

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
#[derive(Debug, Clone)]
pub struct UpdateReport {
    /// Losses over all architectures and micro-batches, before the step.
    pub sums: LossSums,
    /// FLOPs of all forward and backward passes.
    pub flops: f64,
    /// Where the tokens went.
    pub routed: RoutedTokens,
    /// The learning rate of the step.
    pub lr: f64,
    /// Scaled gradients overflowed: no weight has changed.
    pub skipped: bool,
    /// What processes spent on each other.
    pub together: Together,
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

    /// Trains `architectures` together on `batches` (micro-batches, of which each architecture sees all), `done` updates having
    /// been made before. The step is by the mean of the architectures' gradients, so that `clip_norm`, and how a gradient
    /// compares with Adam's ε, do not depend on how many they are; a weight that some of them lack has gradient 0 from those.
    /// An update whose scaled gradients overflowed changes no weight, but counts.
    ///
    /// # Errors
    /// An architecture does not fit into the supernet; gradients overflow whatever the loss scale.
    pub fn update(&mut self, architectures: &[Architecture], batches: &[Batch], done: usize) -> Result<UpdateReport> {
        self.update_with(&Alone, architectures, batches, done)
    }

    /// [`Self::update`] by all processes of `world` together: `batches` are those that are dealt to this one, and all take
    /// the same step.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn update_with(
        &mut self,
        world: &dyn World,
        architectures: &[Architecture],
        batches: &[Batch],
        done: usize,
    ) -> Result<UpdateReport> {
        let mut found = self.gradients_of(world, architectures, batches, done)?;
        let together = reduce(world, &mut found, &self.supernet.values, &self.supernet.device);
        let Gradients { sums, values: mut gradients, flops, routed } = found;
        let mut parts: BTreeSet<String> =
            architectures.iter().flat_map(|architecture| self.supernet.parts(architecture).into_keys()).collect();
        if done < self.config.router_warmup_updates {
            parts.retain(|name| !is_router(name));
            gradients.retain(|name, _| !is_router(name));
        }
        let lr = learning_rate(&self.config, done);
        // Tokens count once for each architecture.
        let scale = 1.0 / (sums.tokens.max(1) as f64 * self.scale());
        let mut clip = 1.0;
        if self.config.clip_norm > 0.0 || self.loss_scale.is_some() {
            let norm = scale * norm(&gradients);
            clip = clip_factor(norm, self.config.clip_norm);
            if let Some(loss_scale) = &mut self.loss_scale {
                loss_scale.note(norm.is_finite())?;
                if !norm.is_finite() {
                    return Ok(UpdateReport { sums, flops, routed, lr, skipped: true, together });
                }
            }
        }
        let scale = scale * clip;
        let weights = &mut self.supernet.values;
        self.adam.update(weights, parts.iter(), &mut gradients, scale, lr, &self.config);
        Ok(UpdateReport { sums, flops, routed, lr, skipped: false, together })
    }

    /// What the objective is multiplied by.
    fn scale(&self) -> f64 {
        self.loss_scale.map_or(1.0, |loss_scale| loss_scale.scale)
    }

    /// Losses and gradients of `architectures` on `batches`; the weights stay as they are. With `distillation` the first
    /// architecture teaches the others: what it predicts for a batch, dropout included, is a constant in their losses.
    ///
    /// # Errors
    /// An architecture does not fit into the supernet.
    pub fn gradients(&self, architectures: &[Architecture], batches: &[Batch], done: usize) -> Result<Gradients> {
        self.gradients_of(&Alone, architectures, batches, done)
    }

    /// [`Self::gradients`] of the `batches` that are dealt to this process of `world`, with the dropout that they have anywhere.
    fn gradients_of(
        &self,
        world: &dyn World,
        architectures: &[Architecture],
        batches: &[Batch],
        done: usize,
    ) -> Result<Gradients> {
        let products = Products::new(self.config.precision, &self.supernet.device).scaled(self.scale());
        let objective = objective(&self.config);
        let mut dropout_seeds = seed::stream(self.seed, "dropout", done as u64);
        let mut found = Gradients::default();
        let share = self.config.distillation;
        let is_taught = share > 0.0 && architectures.len() > 1;
        // The teacher's, of the batches that it has seen.
        let mut soft_targets: Vec<SoftTargets> = Vec::new();
        for (student, architecture) in architectures.iter().enumerate() {
            let model = self.supernet.cut(architecture, true)?.with_products(products);
            let mut of_subnet = Values::new();
            let seeds: Vec<u64> = (0..batches.len() * world.size()).map(|_| dropout_seeds.next_u64()).collect();
            let seeds = dealt(world, &seeds);
            for (index, (batch, seed)) in batches.iter().zip(seeds).enumerate() {
                let pass = Pass::training(*seed);
                let soft = soft_targets.get(index);
                let step = differentiate(&model, sentences(batch), &objective, soft, pass);
                let teacher = soft.map(|_| &architectures[0]);
                found.flops += self.flops(architecture, teacher, batch);
                if is_taught && student == 0 {
                    soft_targets.push(step.soft_targets(&model, share));
                }
                found.sums.add(&step.sums);
                found.routed.add(&step);
                accumulate(&mut of_subnet, step.gradients);
            }
            accumulate(&mut found.values, self.supernet.gradients(architecture, of_subnet));
        }
        Ok(found)
    }

    /// FLOPs of training `architecture` on `batch`, padding included; those of a teacher are its projection, see [`SoftTargets`].
    fn flops(&self, architecture: &Architecture, teacher: Option<&Architecture>, batch: &Batch) -> f64 {
        let TransformerConfig { qkv_dim, target_vocab, .. } = self.supernet.config;
        let lengths = [batch.source_len, batch.target_len];
        let of_teacher = teacher.map_or(0, |teacher| projection(teacher, target_vocab, batch.target_len));
        let of_pair = training_flops(architecture, qkv_dim, target_vocab, lengths) + of_teacher as f64;
        batch.sentences as f64 * of_pair
    }
}

/// Whether a parameter is of the choice among experts.
fn is_router(name: &str) -> bool {
    name.contains(".moe.router.")
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
            Some(sum) => sum.plus(gradient),
            None => gradient,
        };
        total.insert(name, sum);
    }
}

/// The norm of all gradients together.
fn norm(gradients: &Values) -> f64 {
    let gradients: Vec<_> = gradients.values().map(|gradient| gradient.tensor.clone()).collect();
    sum_of_squares(&gradients).sqrt()
}

/// What brings `norm` down to `limit` (1 where it is within, or where `limit` is 0).
fn clip_factor(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 && norm > limit { limit / norm } else { 1.0 }
}

#[cfg(test)]
mod tests;
