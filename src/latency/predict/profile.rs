//! A device's profile: a predictor of its latency, how far predictions may be off, and how well it did. The predicted
//! latency is a [`Cost`].

use super::interval::{INTERVAL_LEVEL, Interval};
use super::metrics::Metrics;
use super::model::PairModel;
use super::perceptron::Perceptron;
use super::report::{ImportReport, Report, Tested, TestedRow};
use crate::cost::{Cost, RoutingFractions};
use crate::latency::data::averages::Averages;
use crate::latency::data::conditions::Conditions;
use crate::latency::data::features::{FeatureSet, Features};
use crate::latency::data::measured_rows::{MeasuredRows, Sample};
use crate::latency::data::range::MeasuredRange;
use crate::space::Architecture;
use serde::Serialize;

/// Everything that predicting a device's latency needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyProfile {
    /// Name of the device, for people.
    pub device: String,
    /// The predictor.
    pub predictor: Predictor,
    /// From a prediction to its interval; none for an imported predictor that was never compared with measurements.
    pub interval: Option<Interval>,
    /// How the predictor was chosen and how well it does.
    pub report: Report,
    /// The test rows, measured and predicted.
    pub tested: Vec<TestedRow>,
    /// What its data were measured with; none where they do not tell.
    pub conditions: Option<Conditions>,
    /// The architectures that were measured; none for an imported predictor without data.
    pub range: Option<MeasuredRange>,
}

/// What predicts.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictor {
    /// Fitted here: encoder and decoder apart.
    Operators {
        /// What it sees of an architecture.
        features: FeatureSet,
        /// The models of both.
        model: PairModel,
    },
    /// Imported: one network for both.
    Perceptron(Perceptron),
}

impl Predictor {
    /// The averages that are not predicted from, where they matter: experts, by networks with HAT's ten features.
    fn unseen(&self, averages: &Averages) -> impl Iterator<Item = &'static str> {
        let seen = match self {
            Self::Perceptron(perceptron) => perceptron.feature_scale.len(),
            Self::Operators { .. } => averages.values().len(),
        };
        let experts = Averages::names().zip(averages.values()).skip(seen);
        experts.filter(|(_, count)| *count > 1.0).map(|(name, _)| name)
    }
}

/// A predicted latency, milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Encoder and decoder together.
    pub ms: f64,
    /// Lower end of the prediction interval; none where the profile has no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of the prediction interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The encoder's share; none where the predictor does not tell them apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_ms: Option<f64>,
    /// The decoder's share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_ms: Option<f64>,
    /// The share of measurements that the interval is meant to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The averages of the architecture that lie beyond those of all measured ones, or that the predictor does not see: where
    /// there are any, this is an extrapolation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beyond_data: Vec<&'static str>,
}

impl LatencyProfile {
    /// The profile of a predictor from elsewhere. Its interval comes from the validation rows of `data`.
    pub fn imported(device: &str, predictor: Perceptron, data: Option<&MeasuredRows>) -> Self {
        let mut profile = Self {
            device: device.to_owned(),
            predictor: Predictor::Perceptron(predictor),
            interval: None,
            report: Report::Import(ImportReport::default()),
            tested: Vec::new(),
            conditions: data.and_then(|data| data.conditions.clone()),
            range: data.map(|data| MeasuredRange::of(&data.samples)),
        };
        let Some(data) = data else { return profile };
        let [_, validation, test] = data.split();
        let predict = |profile: &Self, samples: &[Sample]| -> Vec<f64> {
            samples.iter().map(|sample| profile.predicted(&sample.features, &sample.averages).ms).collect()
        };
        let measured: Vec<f64> = validation.iter().map(Sample::total_ms).collect();
        let predicted = predict(&profile, validation);
        let interval = Interval::conformal(INTERVAL_LEVEL, &measured, &predicted);
        profile.tested = TestedRow::of(test, &predict(&profile, test));
        profile.interval = Some(interval);
        profile.report = Report::Import(ImportReport {
            validation: Some(Metrics::of(&measured, &predicted)),
            test: Some(Tested::of(&interval, &profile.tested)),
        });
        profile
    }

    /// Predicts the latency of `architecture`, tokens spread evenly over its experts.
    pub fn predict(&self, architecture: &Architecture) -> Prediction {
        self.predict_routed(architecture, None)
    }

    /// Predicts the latency of `architecture` under measured routing.
    pub fn predict_routed(&self, architecture: &Architecture, routing: Option<&RoutingFractions>) -> Prediction {
        let features = match &self.predictor {
            Predictor::Operators { features, .. } => Features::of(*features, architecture, routing),
            Predictor::Perceptron(_) => Features::of(FeatureSet::Averages, architecture, routing),
        };
        self.predicted(&features, &Averages::of(architecture, routing))
    }

    fn predicted(&self, features: &Features, averages: &Averages) -> Prediction {
        let (ms, parts) = match &self.predictor {
            Predictor::Operators { model, .. } => {
                let parts = [model.encoder.predict(&features.encoder), model.decoder.predict(&features.decoder)];
                (parts.iter().sum(), Some(parts))
            }
            Predictor::Perceptron(perceptron) => (perceptron.predict(averages), None),
        };
        let mut beyond_data = self.range.as_ref().map_or_else(Vec::new, |range| range.exceeded(averages));
        for name in self.predictor.unseen(averages) {
            if !beyond_data.contains(&name) {
                beyond_data.push(name);
            }
        }
        Prediction {
            ms,
            low: self.interval.map(|interval| interval.low * ms),
            high: self.interval.map(|interval| interval.high * ms),
            encoder_ms: parts.map(|[encoder, _]| encoder),
            decoder_ms: parts.map(|[_, decoder]| decoder),
            level: self.interval.map(|interval| interval.level),
            beyond_data,
        }
    }
}

impl Cost for LatencyProfile {
    fn name(&self) -> &str {
        "latency_ms"
    }

    fn unit(&self) -> &str {
        "ms"
    }

    fn of(&self, architecture: &Architecture) -> f64 {
        self.predict(architecture).ms
    }
}
