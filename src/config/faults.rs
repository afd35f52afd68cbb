//! What is wrong with settings, gathered while they are checked.

use super::ranges;
use super::schema::schema_of;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Display;

/// The most of whatever is counted in thousands at best: pairs, subwords, candidates.
pub(super) const MANY: usize = 10_000_000;

/// The faults while they are gathered.
#[derive(Default)]
pub(super) struct Faults {
    pub lines: Vec<String>,
}

impl Faults {
    /// Adds `message` about `key` unless `is_right`.
    pub fn need(&mut self, is_right: bool, key: &str, message: impl Display) {
        if !is_right {
            self.lines.push(format!("{key}: {message}"));
        }
    }

    /// Adds the numbers in `values` that are not finite, or out of the range that the schema of a section's type has for them;
    /// `section` is the name in front of the keys.
    pub fn ranges<T: JsonSchema + Serialize>(&mut self, section: &str, values: &T) {
        let schema = schema_of::<T>();
        match serde_json::to_value(values) {
            // A path that is not Unicode.
            Err(error) => self.need(false, section, error),
            Ok(values) => {
                for (name, value) in values.as_object().into_iter().flatten() {
                    for fault in ranges::faults(&schema["properties"][name], value) {
                        self.need(false, &format!("{section}.{name}"), fault);
                    }
                }
            }
        }
    }
}
