//! JSON that users write: an object with a name twice is refused, where `serde_json` takes the last of them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The JSON value in `text`.
///
/// # Errors
/// Text that is not JSON, or that has a name twice in one object; with the place.
pub(crate) fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).map(|Unique(value)| value)
}

/// What is wrong with a text of one line, and in which column: which line of a file it is, others know.
pub(crate) fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let cause = text.rsplit_once(" at line ").map_or(text.as_str(), |(cause, _)| cause);
    format!("{cause} in column {}", error.column())
}

/// A value in whose objects no name is twice.
pub(crate) struct Unique(pub Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("\"{}\" is there twice", name.escape_debug())));
            }
            let Unique(value) = entries.next_value()?;
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_serde_json() {
        let text =
            r#"{"b": [1, -2, 0.5, 18446744073709551615, 1e300], "a": {"x": null, "y": true}, "": "ü\n", "e": {}}"#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(parse(text).unwrap().to_string(), serde_json::from_str::<Value>(text).unwrap().to_string());
        for broken in ["", "{", "[1,]", "{} {}", "nonsense", &"[".repeat(10_000)] {
            let (ours, theirs) = (parse(broken).unwrap_err(), serde_json::from_str::<Value>(broken).unwrap_err());
            assert_eq!(ours.to_string(), theirs.to_string());
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_told() {
        for (text, name) in [(r#"{"a": 1, "b": 2, "a": 3}"#, "a"), (r#"[{"x": {"\u0062": 1, "b": 1}}]"#, "b")] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{name}\" is there twice at line 1")), "{error}");
        }
        parse(r#"{"a": {"a": 1}}"#).unwrap();
    }
}
