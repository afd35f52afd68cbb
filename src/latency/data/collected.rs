//! The file of measured architectures that `automoe latency collect` writes: a row each, in the order of measurement, as
//! [`super::csv`] reads it. What a row was measured with stands in the row, so that nothing else can be appended.

use super::conditions::{COMPUTE_TYPE, CONDITION_COLUMNS, Conditions};
use super::records::{Field, Place, Records};
use crate::error::{Error, Result};
use crate::latency::measure::{Latency, Undisturbed};
use crate::space::Architecture;

/// The first columns; [`CONDITION_COLUMNS`] follow, and [`ARCHITECTURE_COLUMN`]: in a spreadsheet, figures are seen first.
const FIGURE_COLUMNS: [&str; 12] = [
    "encoder_ms",
    "decoder_ms",
    "encoder_mean_ms",
    "decoder_mean_ms",
    "encoder_deviation_ms",
    "decoder_deviation_ms",
    "precision",
    "passes",
    "noisy",
    "reference_ms",
    "gflops",
    "decoder_layers",
];
/// The last column.
const ARCHITECTURE_COLUMN: &str = "architecture";

fn columns() -> Vec<&'static str> {
    FIGURE_COLUMNS.into_iter().chain(CONDITION_COLUMNS).chain([ARCHITECTURE_COLUMN]).collect()
}

/// A measured architecture.
#[derive(Debug, Clone)]
pub struct CollectedRow<'a> {
    /// Which.
    pub architecture: &'a Architecture,
    /// Its latency, which is what a predictor is fitted to.
    pub undisturbed: Undisturbed,
    /// The same passes as they were, disturbances and all.
    pub latency: Latency,
    /// Whether the undisturbed latency is less precise than was wanted.
    pub noisy: bool,
    /// What the reference took beside it, encoder and decoder together.
    pub reference_ms: f64,
    /// FLOPs in units of 10⁹, without the output projection.
    pub gflops: f64,
}

/// The whole text of the file so far.
#[derive(Debug, Clone)]
pub struct CollectedFile {
    text: String,
    rows: usize,
    conditions: Conditions,
}

impl CollectedFile {
    /// A file without rows.
    pub fn new(conditions: Conditions) -> Self {
        Self { text: columns().join(",") + "\n", rows: 0, conditions }
    }

    /// Goes on with the text of an earlier file, `name` in messages, whose rows must be the first of `plan`, measured with
    /// the same conditions.
    ///
    /// # Errors
    /// Another header, other conditions, another architecture, a broken row: `name:line: …`.
    pub fn resume(name: &str, text: &str, plan: &[Architecture], conditions: Conditions) -> Result<Self> {
        let at = |place: Place, message: &str| Error::input(message).at(format!("{name}:{}", place.line));
        let broken = |place, message: &str| at(place, &format!("{message}; remove the row to go on without it"));
        let mut records = Records::new(text.strip_prefix('\u{feff}').unwrap_or(text));
        let header = records.next().transpose().map_err(|(place, message)| at(place, &message))?.unwrap_or_default();
        let names = || header.iter().map(|field| field.text.as_str());
        if names().eq(columns().into_iter().filter(|name| *name != COMPUTE_TYPE)) {
            let message = "collected by version 0.1.0, which did not tell the compute_type; give --out another name";
            return Err(at(Place::START, message));
        }
        if !names().eq(columns()) {
            return Err(at(Place::START, "not a file that was collected here; give --out another name"));
        }
        let expected = conditions.fields();
        let mut rows = 0;
        for record in records {
            let record = record.map_err(|(place, message)| broken(place, &message))?;
            let place = record.first().map_or(Place::START, |field| field.place);
            let [.., json] = record.as_slice() else { return Err(broken(place, "an empty row")) };
            if record.len() != header.len() {
                return Err(broken(place, "a row with too few or too many fields"));
            }
            if let Some(fault) = other_conditions(&record, &expected) {
                return Err(at(place, &fault));
            }
            // One that is not in the plan any more, where --samples became fewer, is as good as any.
            let architecture =
                Architecture::from_json(&json.text).map_err(|error| broken(place, &error.to_string()))?;
            if plan.get(rows).is_some_and(|planned| *planned != architecture) {
                let message = "another architecture than this config and seed give here; give --out another name";
                return Err(at(json.place, message));
            }
            rows += 1;
        }
        let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        Ok(Self { text, rows, conditions })
    }

    /// Appends a row.
    pub fn push(&mut self, row: &CollectedRow) {
        let CollectedRow { architecture, undisturbed, latency, .. } = row;
        let figures: [String; FIGURE_COLUMNS.len()] = [
            ms(undisturbed.encoder_ms),
            ms(undisturbed.decoder_ms),
            ms(latency.encoder.mean_ms),
            ms(latency.decoder.mean_ms),
            ms(latency.encoder.deviation_ms),
            ms(latency.decoder.deviation_ms),
            undisturbed.precision.map_or_else(String::new, |precision| format!("{precision:.5}")),
            latency.passes.to_string(),
            u8::from(row.noisy).to_string(),
            ms(row.reference_ms),
            format!("{:.6}", row.gflops),
            architecture.decoder.layers.len().to_string(),
        ];
        let json = format!("\"{}\"", architecture.to_value().to_string().replace('"', "\"\""));
        let fields: Vec<String> = figures.into_iter().chain(self.conditions.fields()).chain([json]).collect();
        self.text += &(fields.join(",") + "\n");
        self.rows += 1;
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// What a row was measured with, where that is something else than `expected`.
fn other_conditions(record: &[Field], expected: &[String; 7]) -> Option<String> {
    let differing = record[FIGURE_COLUMNS.len()..]
        .iter()
        .zip(CONDITION_COLUMNS)
        .zip(expected)
        .find(|((field, _), wanted)| field.text != **wanted);
    differing.map(|((field, name), wanted)| {
        format!("measured with {name} = {}, not {wanted}; give --out another name", field.text.escape_debug())
    })
}

/// Milliseconds to a hundred-thousandth: a large model's and a toy's.
fn ms(value: f64) -> String {
    format!("{value:.5}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Precision;
    use crate::latency::data::measured_rows::MeasuredRows;
    use crate::latency::measure::Timing;
    use crate::latency::simulated;

    fn conditions() -> Conditions {
        Conditions {
            device: "cpu".into(),
            threads: 2,
            sentence_length: 16,
            beam: 5,
            vocab_size: 100,
            qkv_dim: 64,
            compute_type: Precision::Float32,
        }
    }

    /// A file with a row for each architecture.
    fn file(architectures: &[Architecture]) -> CollectedFile {
        let mut file = CollectedFile::new(conditions());
        for (index, architecture) in architectures.iter().enumerate() {
            let timing = Timing::of(&[2.0 + index as f64; 8]);
            let latency = Latency { encoder: timing, decoder: timing, interval_ms: timing.interval_ms, passes: 8 };
            let undisturbed = Undisturbed::of(&vec![vec![timing.mean_ms; 2]; 8]);
            file.push(&CollectedRow {
                architecture,
                undisturbed,
                latency,
                noisy: false,
                reference_ms: 7.0,
                gflops: 0.5,
            });
        }
        file
    }

    #[test]
    fn a_file_is_read_by_fit_and_gone_on_with() {
        let plan: Vec<Architecture> = (0..5).map(simulated::architecture).collect();
        let text = file(&plan[..3]).text().to_owned();
        let data = MeasuredRows::parse("data.csv", &text).unwrap();
        assert_eq!(data.samples.iter().map(|s| s.total_ms()).collect::<Vec<_>>(), [4.0, 6.0, 8.0]);
        assert_eq!(
            data.conditions.unwrap().to_string(),
            "cpu with 2 threads, sentence_length 16, beam 5, vocab_size 100, qkv_dim 64"
        );
        let of_0_1 = text.replace(",compute_type,", ",").replace(",float32,", ",");
        assert_eq!(MeasuredRows::parse("data.csv", &of_0_1).unwrap().conditions, Some(conditions()));
        let mixed = text.replacen(",cpu,2,", ",cpu,1,", 1);
        let fault = MeasuredRows::parse("data.csv", &mixed).unwrap_err().to_string();
        assert!(fault.starts_with("data.csv:3:1: measured with other conditions"), "{fault}");
        let mut resumed = CollectedFile::resume("data.csv", text.trim_end(), &plan, conditions()).unwrap();
        assert_eq!(resumed.rows(), 3);
        let rest = file(&plan);
        let last = rest.text().lines().last().unwrap();
        resumed.text += &(rest.text().lines().nth(4).unwrap().to_owned() + "\n" + last + "\n");
        assert_eq!(resumed.text(), rest.text());
        assert_eq!(CollectedFile::resume("data.csv", rest.text(), &plan[..2], conditions()).unwrap().rows(), 5);
    }

    #[test]
    fn what_was_measured_otherwise_is_not_gone_on_with() {
        let plan: Vec<Architecture> = (0..3).map(simulated::architecture).collect();
        let text = file(&plan).text().to_owned();
        let fault = |text: &str, plan: &[Architecture], conditions| {
            CollectedFile::resume("data.csv", text, plan, conditions).unwrap_err().to_string()
        };
        let message = fault(&text, &plan, Conditions { threads: 1, ..conditions() });
        assert_eq!(message, "data.csv:2: measured with threads = 2, not 1; give --out another name");
        let message = fault(&text, &[plan[0].clone(), plan[2].clone()], conditions());
        assert!(message.starts_with("data.csv:3: another architecture"), "{message}");
        let message = fault("a,b\n", &plan, conditions());
        assert!(message.starts_with("data.csv:1: not a file that was collected here"), "{message}");
        let of_0_1 = text.replacen(",compute_type,", ",", 1);
        let message = fault(&of_0_1, &plan, conditions());
        assert!(message.starts_with("data.csv:1: collected by version 0.1.0"), "{message}");
        let cut = &text[..text.len() - 20];
        assert!(fault(cut, &plan, conditions()).starts_with("data.csv:4: "));
    }
}
