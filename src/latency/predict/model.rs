//! The predictor of one part (encoder or decoder): a sum of non-negative operator costs, alone or times a learned
//! correction, calibrated to the device's state at the end of the data.

use super::calibration::Calibration;
use super::drift::Drift;
use super::least_squares::non_negative;
use super::ridge::Correction;
use crate::latency::data::features::{Features, PartFeatures};
use crate::latency::data::measured_rows::Sample;
use crate::latency::statistics::{median, robust_deviation};
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// Rounds of fitting costs, finding the drift and weighing outliers; levels are settled after three or four.
const ROUNDS: usize = 5;
/// Deviations beyond which a row's weight falls off (Huber).
const OUTLIER: f64 = 2.0;

/// The models that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Sum of non-negative operator costs.
    Operators,
    /// The same, times a factor that a ridge regression on products of the shape's numbers gives.
    CorrectedOperators,
}

impl ModelKind {
    /// All of them, the simplest first.
    pub const ALL: [Self; 2] = [Self::Operators, Self::CorrectedOperators];
}

/// A fitted predictor of one part's latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartModel {
    /// Milliseconds for one unit of each operator, before [`Self::calibration`].
    pub operator_ms: Vec<f64>,
    /// No prediction is below this.
    pub floor_ms: f64,
    /// The learned factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// From the operators' sum to milliseconds at the end of the data.
    pub calibration: Calibration,
}

impl PartModel {
    /// Fits the rows of a file (one at least) in its order; `measured` are positive milliseconds.
    ///
    /// Squared errors count in inverse proportion to the latency, as if the noise of each layer added its own variance.
    pub fn fit(kind: ModelKind, rows: &[&PartFeatures], measured: &[f64]) -> Self {
        let operators =
            DMatrix::from_fn(rows.len(), rows[0].operators.len(), |row, column| rows[row].operators[column]);
        let mut model = Self {
            operator_ms: Vec::new(),
            floor_ms: 1e-3 * median(measured.iter().copied()),
            correction: None,
            calibration: Calibration::NONE,
        };
        let mut drift = Drift::none(rows.len());
        let mut trust = vec![1.0; rows.len()];
        for _ in 0..ROUNDS {
            let settled = settled(measured, &drift);
            let weights: Vec<f64> = settled.iter().zip(&trust).map(|(ms, trust)| trust / ms).collect();
            model.operator_ms = non_negative(&operators, &settled, &weights);
            let log_ratios = model.log_ratios(rows, measured);
            drift = Drift::find(&log_ratios);
            trust = trust_in(&log_ratios, &drift);
        }
        if kind == ModelKind::CorrectedOperators {
            let factors: Vec<f64> =
                settled(measured, &drift).iter().zip(rows).map(|(ms, row)| ms / model.predict(row)).collect();
            let shapes: Vec<&[f64]> = rows.iter().map(|row| row.shape.as_slice()).collect();
            model.correction = Correction::fit(&shapes, &factors);
        }
        let predicted: Vec<f64> = rows.iter().map(|row| model.predict(row)).collect();
        model.calibration = Calibration::since(drift.last_start, &predicted, measured);
        model
    }

    /// Milliseconds, always positive.
    pub fn predict(&self, features: &PartFeatures) -> f64 {
        let sum: f64 = self.operator_ms.iter().zip(&features.operators).map(|(ms, count)| ms * count).sum();
        let factor = self.correction.as_ref();
        let corrected = sum.max(self.floor_ms) * factor.map_or(1.0, |c| c.factor(&features.shape));
        self.calibration.apply(corrected).max(self.floor_ms)
    }

    /// Whether it can be evaluated for so many operators and shape numbers.
    pub fn is_sound(&self, operators: usize, shape: usize) -> bool {
        self.operator_ms.len() == operators
            && self.operator_ms.iter().all(|ms| ms.is_finite() && *ms >= 0.0)
            && [self.floor_ms, self.calibration.slope].iter().all(|value| value.is_finite() && *value > 0.0)
            && self.calibration.offset_ms.is_finite()
            && self.correction.as_ref().is_none_or(|c| c.is_sound(shape))
    }

    fn log_ratios(&self, rows: &[&PartFeatures], measured: &[f64]) -> Vec<f64> {
        rows.iter().zip(measured).map(|(row, ms)| (ms / self.predict(row)).ln()).collect()
    }
}

/// The measurements with the drift taken out.
fn settled(measured: &[f64], drift: &Drift) -> Vec<f64> {
    let levels = measured.iter().zip(&drift.log_level);
    levels.map(|(ms, level)| ms / level.exp()).collect()
}

/// Huber's weights: 1 within [`OUTLIER`] deviations, then falling with the distance.
fn trust_in(log_ratios: &[f64], drift: &Drift) -> Vec<f64> {
    let residuals = || log_ratios.iter().zip(&drift.log_level).map(|(r, g)| r - g);
    let reach = OUTLIER * robust_deviation(residuals());
    residuals().map(|residual| 1.0 / (residual.abs() / reach).max(1.0)).collect()
}

/// Encoder and decoder of one kind of model.
#[derive(Debug, Clone, PartialEq)]
pub struct PairModel {
    /// Predicts the encoder's latency.
    pub encoder: PartModel,
    /// Predicts the decoder's latency.
    pub decoder: PartModel,
}

impl PairModel {
    /// Fits both parts to the rows of a file, in its order.
    pub(super) fn fit(kind: ModelKind, samples: &[Sample]) -> Self {
        let part = |features: fn(&Sample) -> &PartFeatures, ms: fn(&Sample) -> f64| {
            let rows: Vec<&PartFeatures> = samples.iter().map(features).collect();
            let measured: Vec<f64> = samples.iter().map(ms).collect();
            PartModel::fit(kind, &rows, &measured)
        };
        Self {
            encoder: part(|s| &s.features.encoder, |s| s.encoder_ms),
            decoder: part(|s| &s.features.decoder, |s| s.decoder_ms),
        }
    }

    /// Encoder and decoder together, milliseconds.
    pub fn predict(&self, features: &Features) -> f64 {
        self.encoder.predict(&features.encoder) + self.decoder.predict(&features.decoder)
    }

    /// The same for each of `samples`.
    pub(super) fn predict_all(&self, samples: &[Sample]) -> Vec<f64> {
        samples.iter().map(|s| self.predict(&s.features)).collect()
    }
}
