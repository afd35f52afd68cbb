//! How well a predictor does on rows that it was not fitted to.

use super::interval::{Coverage, Interval};
use super::metrics::Metrics;
use super::model::ModelKind;
use crate::latency::data::features::FeatureSet;
use crate::latency::data::measured_rows::Sample;
use serde::{Deserialize, Serialize};

/// Figures of a predictor.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of one that was fitted here.
    Fit(FitReport),
    /// Of one that was imported.
    Import(ImportReport),
}

/// Figures of an imported predictor on a device's data; none where there are no data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// On the validation rows, which the interval comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
    /// On the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Tested>,
}

/// What came out of a fit; also kept in the profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// The model that did best on the validation rows.
    pub model: ModelKind,
    /// What the data tell about each architecture.
    pub features: FeatureSet,
    /// The chosen model, fitted to the training rows, on the validation rows.
    pub validation: Metrics,
    /// The chosen model, fitted to training and validation rows, on the test rows: the model of the profile.
    pub test: Tested,
    /// The chosen model, fitted to the training rows alone, on the test rows.
    pub test_without_refit: Metrics,
    /// Every model that was tried.
    pub candidates: Vec<TriedModel>,
}

/// Figures on the test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// Errors of the predictions.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// How the prediction intervals did.
    pub interval: Coverage,
}

/// A test row: what the plots show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TestedRow {
    /// Milliseconds that were measured.
    pub measured_ms: f64,
    /// Milliseconds that were predicted.
    pub predicted_ms: f64,
    /// Decoder layers in use.
    pub decoder_layers: f64,
}

impl TestedRow {
    /// Rows beside what was predicted of them.
    pub(super) fn of(samples: &[Sample], predicted: &[f64]) -> Vec<Self> {
        let rows = samples.iter().zip(predicted).map(|(sample, &predicted_ms)| Self {
            measured_ms: sample.total_ms(),
            predicted_ms,
            decoder_layers: sample.averages.decoder_layers,
        });
        rows.collect()
    }
}

impl Tested {
    /// The figures of test rows (one at least) under `interval`.
    pub(super) fn of(interval: &Interval, rows: &[TestedRow]) -> Self {
        let (measured, predicted): (Vec<f64>, Vec<f64>) =
            rows.iter().map(|row| (row.measured_ms, row.predicted_ms)).unzip();
        Self { metrics: Metrics::of(&measured, &predicted), interval: interval.coverage(&measured, &predicted) }
    }
}

/// A model that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedModel {
    /// Which.
    pub model: ModelKind,
    /// Fitted to the training rows, on the validation rows.
    pub validation: Metrics,
}
