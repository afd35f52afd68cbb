//! A training's log, as it is read back.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A training's log.
pub struct Training {
    /// `supernet`, `adapted`, or a model's name.
    pub name: String,
    /// The lines of its metrics.
    pub lines: Vec<Line>,
}

/// A line of metrics: of training, or of a validation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Line {
    /// Updates so far.
    pub update: u64,
    /// Bits a token, without what smoothing adds.
    #[serde(default)]
    pub nll: Option<f64>,
    /// Target tokens since the line before.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Wall time since the line before.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// FLOPs of all updates, in units of 10⁹.
    #[serde(default)]
    pub trained_gflops: Option<f64>,
    /// The most memory that the process had.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Validation losses, bits a token.
    #[serde(default)]
    pub valid: BTreeMap<String, Option<f64>>,
    /// How tokens went to experts.
    #[serde(default)]
    pub slots: Option<Slots>,
}

/// How tokens went to experts since the training began.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Slots {
    /// By tokens.
    pub tokens: Shares,
}

/// Each expert's share of its layer's tokens, by layer and expert.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Shares {
    /// Those of the encoder's layers.
    pub encoder: Vec<Vec<f64>>,
    /// Those of the decoder's layers.
    pub decoder: Vec<Vec<f64>>,
}

/// Seconds that the updates and validations of these lines took.
pub(super) fn seconds(lines: &[Line]) -> f64 {
    lines.iter().filter_map(|line| line.seconds).sum()
}

impl Training {
    /// Seconds that its updates and validations took.
    pub fn seconds(&self) -> f64 {
        seconds(&self.lines)
    }

    /// Its last line with a figure.
    pub fn last<T>(&self, figure: impl Fn(&Line) -> Option<T>) -> Option<T> {
        self.lines.iter().rev().find_map(figure)
    }

    /// The mean of the architectures' validation losses, by update.
    pub fn validations(&self) -> Vec<(f64, f64)> {
        let mean = |line: &Line| {
            let losses: Vec<f64> = line.valid.values().copied().collect::<Option<_>>()?;
            (!losses.is_empty()).then(|| (line.update as f64, losses.iter().sum::<f64>() / losses.len() as f64))
        };
        self.lines.iter().filter_map(mean).collect()
    }
}
