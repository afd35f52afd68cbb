//! What a training run is asked for, and how it ended.

use crate::config::{Sampling, TrainConfig};
use crate::error::Result;
use crate::model::TransformerConfig;
use crate::model::weights::WeightSharing;
use crate::seed;
use crate::space::{Architecture, Space};
use crate::text::Dataset;
use crate::world::World;
use std::path::Path;
use std::sync::Arc;

/// Which architectures an update trains.
pub enum Sampler<'a> {
    /// One drawn uniformly from the space, anew each update.
    Uniform(&'a Space),
    /// The sandwich rule (Yu and Huang 2019, "Universally Slimmable Networks"): the largest, the smallest, and so many that are
    /// drawn uniformly, anew each update.
    Sandwich(&'a Space, usize),
    /// Always the same.
    Fixed(Architecture),
}

impl<'a> Sampler<'a> {
    /// The one that `config` asks for, of the architectures of `space`.
    pub fn of(config: &TrainConfig, space: &'a Space) -> Self {
        match config.sampling {
            Sampling::Uniform => Self::Uniform(space),
            Sampling::Sandwich => Self::Sandwich(space, config.sandwich_random),
        }
    }

    /// The architectures of the update after `done` updates; where there are several, the largest first.
    pub fn architectures(&self, seed: u64, done: usize) -> Vec<Architecture> {
        let mut rng = seed::stream(seed, "sample-architecture", done as u64);
        match self {
            Self::Uniform(space) => vec![space.sample(&mut rng)],
            Self::Sandwich(space, random) => {
                let random = (0..*random).map(|_| space.sample(&mut rng));
                [space.largest(), space.smallest()].into_iter().chain(random).collect()
            }
            Self::Fixed(architecture) => vec![architecture.clone()],
        }
    }
}

/// See [`Job::begins`]; it is given the job and its weights' shape.
type Begins<'a> = dyn Fn(&Job, &TransformerConfig) -> Result<()> + 'a;

/// One training run.
pub struct Job<'a> {
    /// Name for messages: `supernet`, `winner`, ….
    pub name: &'a str,
    /// The section of the config that its learning rate and warm-up are in.
    pub section: &'a str,
    /// Where checkpoints and `metrics.jsonl` are.
    pub folder: &'a Path,
    /// Settings.
    pub config: &'a TrainConfig,
    /// The run's seed.
    pub seed: u64,
    /// Architectures trained.
    pub sampler: Sampler<'a>,
    /// How their weights come out of those that are trained.
    pub sharing: Arc<dyn WeightSharing>,
    /// Architectures validated, by name; the mean of their losses decides which checkpoint is best.
    pub validated: Vec<(String, Architecture)>,
    /// Training pairs.
    pub train: &'a Dataset,
    /// Validation pairs.
    pub valid: &'a Dataset,
    /// The prepared data's fingerprint.
    pub data: &'a str,
    /// Whether event files for TensorBoard are written.
    pub tensorboard: bool,
    /// Called before the first update that is made: from there on the weights are made with these settings, by all of `world`.
    pub begins: Box<Begins<'a>>,
    /// The processes that train together.
    pub world: &'a dyn World,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Updates made in all.
    pub updates: usize,
    /// Lowest mean validation loss, bits per token.
    pub best: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_update_trains_one_architecture_or_both_ends_and_some_between() {
        let space = Config::load("toy").unwrap().space().unwrap();
        let sampler = |sampling| Sampler::of(&TrainConfig { sampling, ..TrainConfig::default() }, &space);
        let drawn = |done| space.sample(&mut seed::stream(7, "sample-architecture", done));
        let mut others = Vec::new();
        for done in 0..3 {
            assert_eq!(sampler(Sampling::Uniform).architectures(7, done), [drawn(done as u64)]);
            let sandwich = sampler(Sampling::Sandwich).architectures(7, done);
            assert_eq!(sandwich, sampler(Sampling::Sandwich).architectures(7, done));
            assert_eq!(sandwich[..3], [space.largest(), space.smallest(), drawn(done as u64)]);
            assert_eq!(sandwich.len(), 4);
            others.extend(sandwich.into_iter().skip(2));
        }
        for (index, other) in others.iter().enumerate() {
            assert!(!others[..index].contains(other), "each is drawn anew");
        }
        let smallest = space.smallest();
        assert_eq!(Sampler::Fixed(smallest.clone()).architectures(7, 5), [smallest]);
        let ends = TrainConfig { sampling: Sampling::Sandwich, sandwich_random: 0, ..TrainConfig::default() };
        assert_eq!(Sampler::of(&ends, &space).architectures(7, 0), [space.largest(), space.smallest()]);
    }
}
