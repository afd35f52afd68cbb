//! A checksum in each record that results are read back from: a byte that changed on disk is found, and is not another result.
//!
//! It is the last key of the record, a JSON object, and covers the compact form of all others: `jq .` may lay a record out
//! anew, but none of its values may change. Wall time is left out, from which nothing follows: the records of two runs that
//! differ in nothing else have the same checksum.

use crate::error::{Error, Result};
use crate::json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The key.
const CHECKSUM: &str = "checksum";

/// The key of a record's wall time.
const SECONDS: &str = "seconds";

/// Hexadecimal digits of BLAKE3 that are kept: enough to find damage, and short in a line of a log.
const DIGITS: usize = 16;

/// `record`, which is an object, with its checksum.
///
/// # Errors
/// What is no JSON.
pub(crate) fn sealed(record: &impl Serialize) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(record)?;
    if let Some(record) = value.as_object_mut() {
        let checksum = checksum(record)?;
        record.insert(CHECKSUM.to_owned(), checksum.into());
    }
    Ok(value)
}

/// `value` without its checksum. One that has none is taken as it is: version 0.1.0 wrote none.
///
/// # Errors
/// [`Error::Input`] where the checksum is not that of the rest.
pub(crate) fn opened(mut value: Value) -> Result<Value> {
    let Some(record) = value.as_object_mut() else { return Ok(value) };
    let Some(found) = record.shift_remove(CHECKSUM) else { return Ok(value) };
    if found != checksum(record).map_err(Error::failure)? {
        return Err(Error::input("damaged, or changed after it was written: its checksum does not fit"));
    }
    Ok(value)
}

/// The text of a file that holds `record`, an object, with its checksum.
///
/// # Errors
/// What is no JSON.
pub(crate) fn to_text(record: &impl Serialize) -> Result<String> {
    let text = sealed(record).and_then(|record| serde_json::to_string_pretty(&record));
    Ok(text.map_err(Error::failure)? + "\n")
}

/// The record in the text of a file, whether it has a checksum or not. For messages, `kind` says what is expected, and `advice`
/// what to do where that is not there.
///
/// # Errors
/// [`Error::Input`]: no such record, or one whose checksum does not fit.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str, kind: &str, advice: &str) -> Result<T> {
    let is_none = |error: serde_json::Error| Error::input(format!("not {kind}: {error}; {advice}"));
    let record = opened(json::parse(text).map_err(is_none)?);
    let record = record.map_err(|error| Error::input(format!("{error}; {advice}")))?;
    serde_json::from_value(record).map_err(is_none)
}

fn checksum(record: &Map<String, Value>) -> serde_json::Result<String> {
    let covered: Map<_, _> = record.clone().into_iter().filter(|(key, _)| key != SECONDS).collect();
    let mut hash = blake3::hash(&serde_json::to_vec(&covered)?).to_hex().to_string();
    hash.truncate(DIGITS);
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Value {
        json!({"id": 7, "loss": 1.0 / 3.0, "parents": [1, 2], "best": {"name": "ü", "none": null, "zero": -0.0}})
    }

    #[test]
    fn what_is_sealed_is_opened_as_it_was_however_it_is_laid_out() {
        let sealed = sealed(&record()).unwrap();
        assert_eq!(sealed.as_object().unwrap().keys().next_back().unwrap(), CHECKSUM);
        for text in [sealed.to_string(), serde_json::to_string_pretty(&sealed).unwrap()] {
            assert_eq!(opened(serde_json::from_str(&text).unwrap()).unwrap(), record());
        }
        let read = |text: &str| from_text::<Value>(text, "a record", "write it anew");
        assert_eq!(read(&to_text(&record()).unwrap()).unwrap(), record());
        for (text, message) in [
            ("{", "not a record: EOF while parsing an object at line 1 column 1; write it anew"),
            (r#"{"a":1,"checksum":"0123456789abcdef"}"#, "its checksum does not fit; write it anew"),
        ] {
            assert!(read(text).unwrap_err().to_string().ends_with(message));
        }
        for other in [record(), json!([1]), json!("checksum"), json!(null)] {
            assert_eq!(opened(other.clone()).unwrap(), other);
        }
    }

    #[test]
    fn wall_time_is_left_out() {
        let with = |seconds: f64| {
            let mut record = record();
            record["seconds"] = seconds.into();
            sealed(&record).unwrap()
        };
        assert_eq!(with(0.5)[CHECKSUM], with(0.7)[CHECKSUM]);
        assert_eq!(with(0.5)[CHECKSUM], sealed(&record()).unwrap()[CHECKSUM]);
    }

    /// Each byte becomes each other that may come of it by one bit: what is still read is what was written, under another name
    /// of the checksum at most.
    #[test]
    fn no_changed_byte_changes_what_is_read() {
        let text = sealed(&record()).unwrap().to_string();
        let mut refused = 0;
        for (place, bit) in (0..text.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(value) = serde_json::from_slice::<Value>(&bytes) else { continue };
            match opened(value) {
                Ok(mut read) => {
                    for (key, value) in record().as_object().unwrap() {
                        assert_eq!(read.as_object_mut().unwrap().remove(key).as_ref(), Some(value), "{place} {bit}");
                    }
                }
                Err(error) => {
                    assert_eq!(error.exit_code(), 2);
                    refused += 1;
                }
            }
        }
        assert!(refused > 100, "{refused}");
    }
}
