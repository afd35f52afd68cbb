//! What latencies were measured with: figures under other conditions do not compare.

use crate::config::Precision;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The columns of [`Conditions`] in a file.
pub(super) const CONDITION_COLUMNS: [&str; 7] =
    ["device", "threads", "sentence_length", "beam", "vocab_size", "qkv_dim", COMPUTE_TYPE];
/// The column that files of version 0.1.0 do not have: they were measured in float32.
pub(super) const COMPUTE_TYPE: &str = "compute_type";

/// What latencies were measured with: others do not compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// The device as `--device` names it.
    pub device: String,
    /// Threads that computed.
    pub threads: usize,
    /// Tokens of the dummy sentence.
    pub sentence_length: usize,
    /// Rows of the decoder.
    pub beam: usize,
    /// Entries of the vocabularies.
    pub vocab_size: usize,
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
    /// What products were computed in, never `auto`.
    #[serde(default, skip_serializing_if = "is_float32")]
    pub compute_type: Precision,
}

fn is_float32(precision: &Precision) -> bool {
    *precision == Precision::Float32
}

impl Conditions {
    /// The fields of a row. Names of devices hold nothing that needs quotes.
    pub(super) fn fields(&self) -> [String; 7] {
        let [length, beam, vocab, qkv, compute_type] = self.of_model().map(|(_, value)| value);
        [self.device.clone(), self.threads.to_string(), length, beam, vocab, qkv, compute_type]
    }

    /// The conditions that the fields of a row tell, if they do.
    pub(super) fn from_fields([device, threads, length, beam, vocab, qkv, compute_type]: [&str; 7]) -> Option<Self> {
        Some(Self {
            device: device.to_owned(),
            threads: threads.parse().ok()?,
            sentence_length: length.parse().ok()?,
            beam: beam.parse().ok()?,
            vocab_size: vocab.parse().ok()?,
            qkv_dim: qkv.parse().ok()?,
            compute_type: Precision::named(compute_type)?,
        })
    }

    /// How models of `other` differ from those measured, whatever the device: `beam 4, not 5; …`. Empty where they do not.
    pub fn differences(&self, other: &Self) -> String {
        let pairs = self.of_model().into_iter().zip(other.of_model());
        let differing = pairs.filter(|(mine, other)| mine != other);
        differing.map(|((name, mine), (_, other))| format!("{name} {mine}, not {other}")).collect::<Vec<_>>().join("; ")
    }

    fn of_model(&self) -> [(&'static str, String); 5] {
        let [_, _, names @ ..] = CONDITION_COLUMNS;
        let [length, beam, vocab, qkv] =
            [self.sentence_length, self.beam, self.vocab_size, self.qkv_dim].map(|count| count.to_string());
        let mut values = [length, beam, vocab, qkv, self.compute_type.to_string()].into_iter();
        names.map(|name| (name, values.next().expect("a value for each name")))
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} threads", self.device, self.threads)?;
        let of_model = self.of_model();
        let told = if is_float32(&self.compute_type) { &of_model[..4] } else { &of_model };
        told.iter().try_for_each(|(name, value)| write!(f, ", {name} {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_is_not_the_device() {
        let here = Conditions {
            device: "cpu".into(),
            threads: 1,
            sentence_length: 16,
            beam: 5,
            vocab_size: 4000,
            qkv_dim: 192,
            compute_type: Precision::Float32,
        };
        assert_eq!(here.to_string(), "cpu with 1 threads, sentence_length 16, beam 5, vocab_size 4000, qkv_dim 192");
        let elsewhere = Conditions { device: "gpu".into(), threads: 8, ..here.clone() };
        assert_eq!(here.differences(&elsewhere), "");
        let other = Conditions { sentence_length: 30, beam: 4, ..here.clone() };
        assert_eq!(here.differences(&other), "sentence_length 16, not 30; beam 5, not 4");
        for (compute_type, name) in [(Precision::Bfloat16, "bfloat16"), (Precision::Int8, "int8")] {
            let other = Conditions { compute_type, ..here.clone() };
            assert_eq!(here.differences(&other), format!("compute_type float32, not {name}"));
            assert!(other.to_string().ends_with(&format!(", qkv_dim 192, compute_type {name}")));
            let read_again = Conditions::from_fields(other.fields().each_ref().map(String::as_str));
            assert_eq!(read_again, Some(other));
        }
        // What says nothing of it was measured before there was a choice.
        let stored = serde_json::to_value(&here).unwrap();
        assert_eq!(stored.get("compute_type"), None);
        assert_eq!(serde_json::from_value::<Conditions>(stored).unwrap(), here);
        assert_eq!(Conditions::from_fields(here.fields().each_ref().map(String::as_str)), Some(here));
    }
}
