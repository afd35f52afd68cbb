//! A profile's file: JSON that people can read, too.

use super::interval::Interval;
use super::model::{PairModel, PartModel};
use super::perceptron::Perceptron;
use super::profile::{LatencyProfile, Predictor};
use super::report::{FitReport, ImportReport, Report, TestedRow};
use crate::bounded::{read_text, read_with};
use crate::error::{Error, Result};
use crate::latency::data::conditions::Conditions;
use crate::latency::data::features::{FeatureSet, Part};
use crate::latency::data::range::MeasuredRange;
use crate::space::architecture::MAX_LAYERS;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The value of `format` in a profile.
const FORMAT: &str = "automoe-latency-profile";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 3;
/// The value of `model` for an imported network.
const PERCEPTRON: &str = "perceptron";
/// The largest profile that is read; a network's takes some six megabytes, others a thousandth of that.
const MAX_BYTES: u64 = 32 << 20;

impl LatencyProfile {
    /// The profile's JSON text.
    pub fn to_json(&self) -> String {
        let header = Header::of(self);
        let text = match (&self.predictor, &self.report) {
            (Predictor::Operators { features, model }, Report::Fit(report)) => {
                serde_json::to_string_pretty(&StoredOperators {
                    header,
                    report: report.clone(),
                    encoder: StoredPart::of(*features, Part::Encoder, &model.encoder),
                    decoder: StoredPart::of(*features, Part::Decoder, &model.decoder),
                })
            }
            (Predictor::Perceptron(perceptron), Report::Import(report)) => serde_json::to_string(&StoredPerceptron {
                header,
                model: PERCEPTRON.to_owned(),
                report: report.clone(),
                perceptron: perceptron.clone(),
            }),
            _ => unreachable!("fits have operators, imports have networks"),
        };
        text.expect("plain numbers and names are JSON") + "\n"
    }

    /// Reads the JSON text of a profile.
    ///
    /// # Errors
    /// Text that is no profile of this version, or holds numbers that cannot predict.
    pub fn from_json(text: &str) -> Result<Self> {
        let kind: ProfileTag = serde_json::from_str(text).map_err(|error| {
            Error::input(format!("not a latency profile ({error}); automoe latency fit or import makes one"))
        })?;
        if kind.format != FORMAT {
            return Err(Error::input(format!("not a latency profile: format '{}', expected '{FORMAT}'", kind.format)));
        }
        if kind.version != VERSION {
            return Err(Error::input(format!(
                "a latency profile of version {}; this program reads version {VERSION}: fit it again",
                kind.version
            )));
        }
        let broken = |error: serde_json::Error| Error::input(format!("a broken latency profile: {error}"));
        let profile = match kind.model == PERCEPTRON {
            true => serde_json::from_str::<StoredPerceptron>(text).map_err(broken)?.profile()?,
            false => serde_json::from_str::<StoredOperators>(text).map_err(broken)?.profile()?,
        };
        if let Some(Interval { level, low, high }) = profile.interval
            && !(low > 0.0 && low <= high && high.is_finite() && (0.0..=1.0).contains(&level))
        {
            return Err(Error::input("a broken latency profile: its interval is not 0 < low <= high, 0 <= level <= 1"));
        }
        if let Some(MeasuredRange { least, largest }) = &profile.range
            && !least.iter().zip(largest).all(|(least, largest)| least <= largest)
        {
            return Err(Error::input("a broken latency profile: its range is not least <= largest"));
        }
        let is_row = |row: &TestedRow| {
            let layers = row.decoder_layers;
            row.measured_ms > 0.0 && row.predicted_ms > 0.0 && (1.0..=MAX_LAYERS as f64).contains(&layers)
        };
        match profile.tested.iter().all(is_row) {
            true => Ok(profile),
            false => Err(Error::input("a broken latency profile: test rows that nobody can have measured")),
        }
    }

    /// Whether the file at `path` is empty or a profile, of this version or another: nothing else would be lost.
    pub fn may_replace(path: &Path) -> bool {
        let is_profile = |text: &str| serde_json::from_str::<ProfileTag>(text).is_ok_and(|kind| kind.format == FORMAT);
        read_text(path, MAX_BYTES).is_ok_and(|text| text.is_empty() || is_profile(&text))
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// A file that cannot be read or is too large, and all that [`Self::from_json`] refuses.
    pub fn read(path: &Path) -> Result<Self> {
        read_with(path, MAX_BYTES, Self::from_json)
    }
}

/// What tells a profile from other JSON, and the kinds of profiles apart.
#[derive(Deserialize)]
struct ProfileTag {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u32,
    #[serde(default)]
    model: String,
}

/// What every profile has.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conditions: Option<Conditions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<MeasuredRange>,
    interval: Option<Interval>,
    tested: Vec<TestedRow>,
}

impl Header {
    fn of(profile: &LatencyProfile) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            device: profile.device.clone(),
            conditions: profile.conditions.clone(),
            range: profile.range.clone(),
            interval: profile.interval,
            tested: profile.tested.clone(),
        }
    }

    fn profile(self, predictor: Predictor, report: Report) -> LatencyProfile {
        let Self { device, conditions, range, interval, tested, .. } = self;
        LatencyProfile { device, predictor, interval, report, tested, conditions, range }
    }
}

/// A fitted profile.
#[derive(Serialize, Deserialize)]
struct StoredOperators {
    #[serde(flatten)]
    header: Header,
    /// `model`, `features` and the figures of the fit.
    #[serde(flatten)]
    report: FitReport,
    encoder: StoredPart,
    decoder: StoredPart,
}

impl StoredOperators {
    fn profile(self) -> Result<LatencyProfile> {
        let features = self.report.features;
        let model = PairModel {
            encoder: self.encoder.model(features, Part::Encoder)?,
            decoder: self.decoder.model(features, Part::Decoder)?,
        };
        Ok(self.header.profile(Predictor::Operators { features, model }, Report::Fit(self.report)))
    }
}

/// An imported profile.
#[derive(Serialize, Deserialize)]
struct StoredPerceptron {
    #[serde(flatten)]
    header: Header,
    model: String,
    #[serde(flatten)]
    report: ImportReport,
    perceptron: Perceptron,
}

impl StoredPerceptron {
    fn profile(self) -> Result<LatencyProfile> {
        self.perceptron.check().map_err(|error| error.at("a broken latency profile"))?;
        Ok(self.header.profile(Predictor::Perceptron(self.perceptron), Report::Import(self.report)))
    }
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
    use super::super::fit::fit;
    use super::*;
    use crate::cost::Cost;
    use crate::latency::simulated;

    fn profile() -> LatencyProfile {
        fit(&simulated::rows(200, 0.02, 3), "a device").unwrap()
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
            for (a, b) in [(before.ms, after.ms), (before.low.unwrap(), after.low.unwrap())] {
                assert!((a / b - 1.0).abs() < 1e-12, "{before:?} against {after:?}");
            }
            assert_eq!(read.of(&architecture), after.ms);
            let (low, high) = (after.low.unwrap(), after.high.unwrap());
            assert!(0.0 < low && low <= after.ms && after.ms <= high);
            assert!((after.encoder_ms.unwrap() + after.decoder_ms.unwrap() - after.ms).abs() < 1e-9);
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
        version["version"] = serde_json::json!(1);
        for (text, expected) in [
            ("{}".to_owned(), "not a latency profile: format ''"),
            (good[..good.len() / 2].to_owned(), "not a latency profile (EOF"),
            (names.to_string(), "a broken latency profile: the Encoder"),
            (negative.to_string(), "a broken latency profile: the Decoder"),
            (version.to_string(), "a latency profile of version 1"),
        ] {
            let error = LatencyProfile::from_json(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn imported_networks_survive_their_file() {
        let data = simulated::rows(200, 0.02, 4);
        let network = simulated::perceptron();
        for data in [None, Some(&data)] {
            let profile = LatencyProfile::imported("elsewhere", network.clone(), data);
            assert_eq!((profile.interval.is_some(), profile.tested.len()), (data.is_some(), data.map_or(0, |_| 20)));
            assert_eq!(LatencyProfile::from_json(&profile.to_json()).unwrap(), profile);
        }
        let mut broken = network;
        broken.output_ms = -1.0;
        let text = LatencyProfile::imported("elsewhere", broken, None).to_json();
        let message = LatencyProfile::from_json(&text).unwrap_err().to_string();
        assert!(message.starts_with("a broken latency profile: "), "{message}");
    }
}
