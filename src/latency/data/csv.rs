//! Reads measured latencies: our own files (one architecture a row, as JSON) and HAT's (ten averages a row), told apart by
//! their header.
//!
//! Ours has the columns `architecture,encoder_ms,decoder_ms`, and where they were measured
//! - `routing_fractions`: JSON like [`RoutingFractions`];
//! - `reference_ms`: what one and the same architecture took beside each row, the device's drift, which is taken out;
//! - `device,threads,sentence_length,beam,vocab_size,qkv_dim`: what all rows were measured with, and `compute_type`: what
//!   products were computed in, float32 where it is not there.
//!
//! HAT's has the names of [`AVERAGES`], `latency_mean_encoder,latency_mean_decoder`, and for models with experts
//! `encoder_n_experts_avg,decoder_n_experts_avg`. Other columns (deviations, FLOPs) are left alone.

use super::averages::{AVERAGES, Averages, EXPERT_AVERAGES};
use super::conditions::{COMPUTE_TYPE, CONDITION_COLUMNS, Conditions};
use super::features::{FeatureSet, Features, check_routing};
use super::measured_rows::{MeasuredRows, Sample};
use super::records::{Fault, Field, Place, Records};
use crate::bounded::read_text;
use crate::config::Precision;
use crate::cost::RoutingFractions;
use crate::error::{Error, Result};
use crate::latency::statistics::median;
use crate::space::Architecture;
use std::path::Path;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most rows; the search for drift takes time that grows with their square.
const MAX_ROWS: usize = 20_000;
/// The most columns of a header.
const MAX_COLUMNS: usize = 1_000;
/// The averages and latencies that are believed; beyond, the fit's sums of squares would overflow or vanish.
const VALUES: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

impl MeasuredRows {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read or is too large, and all that [`Self::parse`] refuses.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path, MAX_BYTES).map_err(|error| Error::input(error).at(path.display()))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a file; `name` stands in front of errors.
    ///
    /// # Errors
    /// A header of neither form, rows with too few or too many fields, numbers out of range, latencies that are not
    /// positive, architectures that are not valid, rows of different conditions: `name:line:column: what was expected`.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut records = Records::new(text.strip_prefix('\u{feff}').unwrap_or(text));
        let at =
            |place: Place, message: String| Error::input(format!("{name}:{}:{}: {message}", place.line, place.column));
        let header = match records.next() {
            Some(header) => header.map_err(|(place, message)| at(place, message))?,
            None => return Err(Error::input(format!("{name}: the file is empty"))),
        };
        let columns = Columns::of(&header).map_err(|(place, message)| at(place, message))?;
        let (mut samples, mut references) = (Vec::new(), Vec::new());
        let mut conditions = None;
        for record in records {
            let record = record.map_err(|(place, message)| at(place, message))?;
            let sample = columns.sample(&record);
            samples.push(sample.map_err(|(place, message)| at(place, message))?);
            let measured_with = columns.conditions(&record);
            if conditions.as_ref().is_some_and(|first| *first != measured_with) {
                let place = record.first().map_or(Place::START, |field| field.place);
                let message =
                    "measured with other conditions (device, threads, …) than the rows before: fit them apart";
                return Err(at(place, message.into()));
            }
            conditions = Some(measured_with);
            if let Some(column) = columns.reference {
                let reference = number(&record[column], "milliseconds");
                references.push(reference.map_err(|(place, message)| at(place, message))?);
            }
            if samples.len() > MAX_ROWS {
                return Err(Error::input(format!("{name}: more than {MAX_ROWS} rows, the most that is read")));
            }
        }
        take_out_drift(&mut samples, &references);
        Ok(Self { feature_set: columns.feature_set(), samples, conditions: conditions.flatten() })
    }
}

/// Scales each row to the device's state in which the reference takes its median time.
fn take_out_drift(samples: &mut [Sample], references: &[f64]) {
    let usual = median(references.iter().copied());
    for (sample, reference) in samples.iter_mut().zip(references) {
        sample.encoder_ms *= usual / reference;
        sample.decoder_ms *= usual / reference;
    }
}

/// Which fields of a row hold what.
struct Columns {
    count: usize,
    inputs: Inputs,
    encoder_ms: usize,
    decoder_ms: usize,
    reference: Option<usize>,
    /// [`CONDITION_COLUMNS`] but the last, where all are there.
    conditions: Option<[usize; 6]>,
    /// [`COMPUTE_TYPE`]
    compute_type: Option<usize>,
}

enum Inputs {
    Architecture { json: usize, routing: Option<usize> },
    Averages { columns: [usize; 10], experts: [Option<usize>; 2] },
}

impl Columns {
    fn of(header: &[Field]) -> Result<Self, Fault> {
        if let Some(field) = header.get(MAX_COLUMNS) {
            return Err((field.place, format!("more than {MAX_COLUMNS} columns")));
        }
        for (index, field) in header.iter().enumerate() {
            if header[..index].iter().any(|other| other.text == field.text) {
                return Err((field.place, format!("column '{}' again: is there a header?", field.text)));
            }
        }
        let find = |name: &str| header.iter().position(|field| field.text.trim() == name);
        let need = |name: &str| find(name).ok_or_else(|| (Place::START, format!("the header has no column '{name}'")));
        if let Some(json) = find("architecture") {
            let [conditions @ .., _] = CONDITION_COLUMNS;
            let conditions: Option<Vec<usize>> = conditions.iter().map(|name| find(name)).collect();
            return Ok(Self {
                count: header.len(),
                inputs: Inputs::Architecture { json, routing: find("routing_fractions") },
                encoder_ms: need("encoder_ms")?,
                decoder_ms: need("decoder_ms")?,
                reference: find("reference_ms"),
                conditions: conditions.and_then(|columns| columns.try_into().ok()),
                compute_type: find(COMPUTE_TYPE),
            });
        }
        if find(AVERAGES[0]).is_none() {
            let expected = format!(
                "expected a header with 'architecture,encoder_ms,decoder_ms' or with '{},…,latency_mean_decoder', parted by \
                 commas",
                AVERAGES[0]
            );
            return Err((Place::START, expected));
        }
        let mut columns = [0; 10];
        for (column, name) in columns.iter_mut().zip(AVERAGES) {
            *column = need(name)?;
        }
        Ok(Self {
            count: header.len(),
            inputs: Inputs::Averages { columns, experts: EXPERT_AVERAGES.map(find) },
            encoder_ms: need("latency_mean_encoder")?,
            decoder_ms: need("latency_mean_decoder")?,
            reference: None,
            conditions: None,
            compute_type: None,
        })
    }

    fn feature_set(&self) -> FeatureSet {
        match self.inputs {
            Inputs::Architecture { .. } => FeatureSet::Layers,
            Inputs::Averages { .. } => FeatureSet::Averages,
        }
    }

    /// What a whole row was measured with, where it tells.
    fn conditions(&self, record: &[Field]) -> Option<Conditions> {
        let text = |column: usize| record[column].text.trim();
        let [device, threads, length, beam, vocab, qkv] = self.conditions?.map(text);
        let compute_type = self.compute_type.map_or(Precision::Float32.name(), text);
        Conditions::from_fields([device, threads, length, beam, vocab, qkv, compute_type])
    }

    fn sample(&self, record: &[Field]) -> Result<Sample, Fault> {
        if record.len() != self.count {
            let place = record.first().map_or(Place::START, |field| field.place);
            let message = format!("{} fields where the header has {}", record.len(), self.count);
            return Err((place, message));
        }
        let (features, averages) = match &self.inputs {
            Inputs::Architecture { json, routing } => {
                features_of_json(&record[*json], routing.map(|column| &record[column]))?
            }
            Inputs::Averages { columns, experts } => {
                let mut values = [0.0; 10];
                for (value, column) in values.iter_mut().zip(columns) {
                    *value = number(&record[*column], "a feature")?;
                }
                let experts = experts.map(|column| match column {
                    Some(column) => number(&record[column], "a number of experts"),
                    None => Ok(1.0),
                });
                let [encoder_experts, decoder_experts] = experts;
                let averages = Averages::new(values, [encoder_experts?, decoder_experts?]);
                (averages.features(), averages)
            }
        };
        Ok(Sample {
            features,
            averages,
            encoder_ms: number(&record[self.encoder_ms], "milliseconds")?,
            decoder_ms: number(&record[self.decoder_ms], "milliseconds")?,
        })
    }
}

fn features_of_json(json: &Field, routing: Option<&Field>) -> Result<(Features, Averages), Fault> {
    let architecture = Architecture::from_json(&json.text).map_err(|error| (json.place, error.to_string()))?;
    let routing = match routing {
        Some(field) if !field.text.trim().is_empty() => {
            let fault = |message: String| (field.place, message);
            let fractions: RoutingFractions = serde_json::from_str(&field.text)
                .map_err(|error| fault(format!("not routing fractions in JSON: {error}")))?;
            let checked = check_routing(&fractions, &architecture);
            checked.map_err(|error| fault(error.to_string()))?;
            Some(fractions)
        }
        _ => None,
    };
    let routing = routing.as_ref();
    Ok((Features::of(FeatureSet::Layers, &architecture, routing), Averages::of(&architecture, routing)))
}

/// A positive number of `what`.
fn number(field: &Field, what: &str) -> Result<f64, Fault> {
    match field.text.trim().parse::<f64>() {
        Ok(value) if VALUES.contains(&value) => Ok(value),
        _ => {
            let shown: String = field.text.chars().take(40).collect();
            let message = format!("expected {what}, a positive number, but found '{shown}'");
            Err((field.place, message))
        }
    }
}

#[cfg(test)]
mod tests;
