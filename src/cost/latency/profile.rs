//! A device's profile: the fitted predictor as a JSON file, and the latency that it predicts as a [`Cost`].

use super::features::{FeatureSet, Features, Part};
use super::fit::{FitReport, PairModel};
use super::model::PartModel;
use crate::cost::{Cost, RoutingFractions};
use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The value of `format` in a profile.
const FORMAT: &str = "automoe-latency-profile";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The largest profile that is read; real ones are a thousandth of it.
const MAX_BYTES: u64 = 16 << 20;

/// Everything that predicting a device's latency needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyProfile {
    /// Name of the device, for people.
    pub device: String,
    /// The predictor.
    pub model: PairModel,
    /// From a prediction to its interval.
    pub interval: Interval,
    /// How the predictor was chosen and how well it does.
    pub report: FitReport,
}

/// A predicted latency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Encoder and decoder together, milliseconds.
    pub ms: f64,
    /// The encoder's share of it.
    pub encoder_ms: f64,
    /// The decoder's share of it.
    pub decoder_ms: f64,
    /// Lower end of the prediction interval, milliseconds.
    pub low: f64,
    /// Upper end of the prediction interval, milliseconds.
    pub high: f64,
}

/// A prediction interval, relative to the prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Share of measurements that it is meant to hold.
    pub level: f64,
    /// Lower end over prediction.
    pub low: f64,
    /// Upper end over prediction.
    pub high: f64,
}

impl Interval {
    /// Split-conformal intervals: the ratios of measured to predicted latency of rows that were not fitted, cut off at
    /// equal ranks on both sides so that a new ratio falls inside with probability `level` at least (if there are enough
    /// rows, and the device stays as it was).
    ///
    /// Where the device's level moved between fitting and these rows, the ratios lie to one side of 1, though the
    /// predictor that is used in the end knows the new level. So the interval also holds the ratios over their median.
    pub fn conformal(level: f64, measured: &[f64], predicted: &[f64]) -> Self {
        let mut ratios: Vec<f64> = measured.iter().zip(predicted).map(|(y, p)| y / p).collect();
        ratios.sort_by(f64::total_cmp);
        let rows = ratios.len();
        // The small addition keeps the rounding of `1 - level` from costing a rank.
        let outside = ((rows + 1) as f64 * (1.0 - level) / 2.0 + 1e-9).floor() as usize;
        let cut = outside.saturating_sub(1).min(rows.saturating_sub(1) / 2);
        let ratio = |rank: usize| ratios.get(rank).copied().unwrap_or(1.0);
        let (low, middle, high) = (ratio(cut), ratio(rows / 2), ratio(rows.saturating_sub(cut + 1)));
        Self { level, low: low.min(low / middle), high: high.max(high / middle) }
    }
}

impl LatencyProfile {
    /// The profile of a fit.
    pub(super) fn new(device: &str, model: PairModel, interval: Interval, report: FitReport) -> Self {
        Self { device: device.to_owned(), model, interval, report }
    }

    /// Predicts the latency of `architecture`, tokens spread evenly over its experts.
    pub fn predict(&self, architecture: &Architecture) -> Prediction {
        self.predict_routed(architecture, None)
    }

    /// Predicts the latency of `architecture` under measured routing.
    pub fn predict_routed(&self, architecture: &Architecture, routing: Option<&RoutingFractions>) -> Prediction {
        let features = Features::of(self.report.features, architecture, routing);
        let encoder_ms = self.model.encoder.predict(&features.encoder);
        let decoder_ms = self.model.decoder.predict(&features.decoder);
        let ms = encoder_ms + decoder_ms;
        Prediction { ms, encoder_ms, decoder_ms, low: self.interval.low * ms, high: self.interval.high * ms }
    }

    /// The profile's JSON text.
    pub fn to_json(&self) -> String {
        let set = self.report.features;
        let stored = Stored {
            format: FORMAT.to_owned(),
            version: VERSION,
            device: self.device.clone(),
            interval: self.interval,
            encoder: StoredPart::of(set, Part::Encoder, &self.model.encoder),
            decoder: StoredPart::of(set, Part::Decoder, &self.model.decoder),
            report: self.report.clone(),
        };
        serde_json::to_string_pretty(&stored).expect("plain numbers and names are JSON") + "\n"
    }

    /// Reads the JSON text of a profile.
    ///
    /// # Errors
    /// Text that is no profile of this version, or holds numbers that cannot predict.
    pub fn from_json(text: &str) -> Result<Self> {
        let kind: Kind =
            serde_json::from_str(text).map_err(|error| Error::input(format!("not a latency profile: {error}")))?;
        if kind.format != FORMAT {
            return Err(Error::input(format!("not a latency profile: format '{}', expected '{FORMAT}'", kind.format)));
        }
        if kind.version != VERSION {
            return Err(Error::input(format!(
                "a latency profile of version {}; this program reads version {VERSION}: fit it again",
                kind.version
            )));
        }
        let stored: Stored =
            serde_json::from_str(text).map_err(|error| Error::input(format!("a broken latency profile: {error}")))?;
        let set = stored.report.features;
        let model = PairModel {
            encoder: stored.encoder.model(set, Part::Encoder)?,
            decoder: stored.decoder.model(set, Part::Decoder)?,
        };
        let Interval { low, high, .. } = stored.interval;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(Error::input("a broken latency profile: its interval is not 0 < low <= high"));
        }
        Ok(Self { device: stored.device, model, interval: stored.interval, report: stored.report })
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// A file that cannot be read or is too large, and all that [`Self::from_json`] refuses.
    pub fn read(path: &Path) -> Result<Self> {
        let unreadable = |error: std::io::Error| Error::input(error).at(path.display());
        let mut text = String::new();
        File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::input("too large for a latency profile").at(path.display()));
        }
        Self::from_json(&text).map_err(|error| error.at(path.display()))
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

/// What tells a profile from other JSON.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u32,
}

/// A profile in its file.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: String,
    version: u32,
    device: String,
    /// `model`, `features` and the figures of the fit.
    #[serde(flatten)]
    report: FitReport,
    interval: Interval,
    encoder: StoredPart,
    decoder: StoredPart,
}

/// A part's model in the file; the operators go by name, so that people can read their costs.
#[derive(Serialize, Deserialize)]
struct StoredPart {
    operators: Vec<String>,
    #[serde(flatten)]
    model: PartModel,
}

impl StoredPart {
    fn of(set: FeatureSet, part: Part, model: &PartModel) -> Self {
        let names = set.operator_names(part).iter();
        Self { operators: names.map(|name| (*name).to_owned()).collect(), model: model.clone() }
    }

    fn model(self, set: FeatureSet, part: Part) -> Result<PartModel> {
        let names = set.operator_names(part);
        if self.operators != names || !self.model.is_sound(names.len(), set.shape_len(part)) {
            return Err(Error::input(format!("a broken latency profile: the {part:?} cannot be predicted from it")));
        }
        Ok(self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fit, simulated};
    use super::*;

    fn profile() -> LatencyProfile {
        fit(&simulated::dataset(200, 0.02, 3), "a device").unwrap()
    }

    #[test]
    fn profiles_survive_their_file() {
        let profile = profile();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.json");
        std::fs::write(&path, profile.to_json()).unwrap();
        let read = LatencyProfile::read(&path).unwrap();
        assert_eq!(read.device, "a device");
        for index in 0..20 {
            let architecture = simulated::architecture(index);
            let (before, after) = (profile.predict(&architecture), read.predict(&architecture));
            // JSON's decimal numbers may lose the last bit.
            for (a, b) in [(before.ms, after.ms), (before.low, after.low), (before.high, after.high)] {
                assert!((a / b - 1.0).abs() < 1e-12, "{before:?} against {after:?}");
            }
            assert_eq!(read.of(&architecture), after.ms);
            assert!(0.0 < after.low && after.low <= after.ms && after.ms <= after.high);
        }
    }

    #[test]
    fn broken_profiles_are_refused_in_one_line() {
        let good = profile().to_json();
        let mut names: serde_json::Value = serde_json::from_str(&good).unwrap();
        names["encoder"]["operators"] = serde_json::json!(["call"]);
        let mut negative: serde_json::Value = serde_json::from_str(&good).unwrap();
        negative["decoder"]["operator_ms"][0] = serde_json::json!(-1.0);
        let mut version: serde_json::Value = serde_json::from_str(&good).unwrap();
        version["version"] = serde_json::json!(2);
        for (text, expected) in [
            ("{}".to_owned(), "not a latency profile: format ''"),
            (good[..good.len() / 2].to_owned(), "not a latency profile: "),
            (names.to_string(), "a broken latency profile: the Encoder"),
            (negative.to_string(), "a broken latency profile: the Decoder"),
            (version.to_string(), "a latency profile of version 2"),
        ] {
            let error = LatencyProfile::from_json(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn conformal_intervals_hold_their_share() {
        let predicted = vec![10.0; 199];
        let measured: Vec<f64> = (1..200).map(|i| 10.0 * (0.9 + 0.001 * f64::from(i))).collect();
        let interval = Interval::conformal(0.9, &measured, &predicted);
        assert!((interval.low - 0.91).abs() < 1e-9, "{interval:?}");
        assert!((interval.high - 1.09).abs() < 1e-9, "{interval:?}");
        let few = Interval::conformal(0.9, &[9.0, 10.0, 12.0], &[10.0; 3]);
        assert_eq!((few.low, few.high), (0.9, 1.2));
        let moved: Vec<f64> = measured.iter().map(|ms| 1.25 * ms).collect();
        let moved = Interval::conformal(0.9, &moved, &predicted);
        assert!((moved.low - 0.91).abs() < 1e-9 && (moved.high - 1.25 * 1.09).abs() < 1e-9);
    }
}
