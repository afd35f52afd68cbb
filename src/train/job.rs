//! What a training run is asked for, and how it ended.

use crate::config::TrainConfig;
use crate::model::weights::WeightSharing;
use crate::space::{Architecture, Space};
use crate::text::Dataset;
use std::path::Path;
use std::sync::Arc;

/// Which architecture an update trains.
pub enum Sampler<'a> {
    /// One drawn uniformly from the space, anew each update.
    Uniform(&'a Space),
    /// Always the same.
    Fixed(Architecture),
}

/// One training run.
pub struct Job<'a> {
    /// Name for messages: `supernet`, `winner`, ….
    pub name: &'a str,
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
}

impl Job<'_> {
    /// The section of the config that its settings are in.
    pub fn section(&self) -> &'static str {
        match self.sampler {
            Sampler::Uniform(_) => "train",
            Sampler::Fixed(_) => "train_architecture",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Updates made in all.
    pub updates: usize,
    /// Lowest mean validation loss, bits per token.
    pub best: Option<f64>,
}
