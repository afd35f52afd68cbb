//! What a config file gets wrong before its values are looked at: unknown keys and wrong types, each with its line.

use super::settings::Config;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// Every key there is, with its default: what the keys of a file are compared with.
pub(super) fn known_keys() -> Table {
    let mut known = Table::try_from(Config::default()).expect("defaults fit into TOML");
    let train = known["train"].clone();
    // Its keys are optional and have no defaults to print.
    known.insert("train_architecture".into(), train);
    known
}

/// A config file's text, parsed but not yet typed.
pub(super) struct Document<'a> {
    place: &'a str,
    text: &'a str,
    table: DeTable<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`, which is from the file `place`.
    pub fn parse(place: &'a str, text: &'a str) -> Result<Self> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { place, text, table: table.into_inner() }),
            Err(error) => {
                let line = line_of(text, &error.span().unwrap_or_default());
                Err(Error::input(one_line(error.message())).at(format!("{place}:{line}")))
            }
        }
    }

    /// The typed settings.
    ///
    /// # Errors
    /// The first unknown key, with the nearest known one; else the first value of a wrong type.
    pub fn typed(&self) -> Result<Config> {
        self.check_keys(&self.table, &known_keys(), "")?;
        let parsed = toml::from_str::<Config>(self.text);
        parsed.map_err(|error| {
            let span = error.span().unwrap_or_default();
            let mut place = format!("{}:{}", self.place, line_of(self.text, &span));
            if let Some(key) = key_at(&self.table, span.start) {
                place += &format!(": {key}");
            }
            Error::input(expectation(error.message())).at(place)
        })
    }

    /// `file:line` of a dotted key that the file gives; the file where it does not.
    pub fn place_of(&self, key: &str) -> String {
        let mut table = &self.table;
        let mut place = self.place.to_string();
        for part in key.split('.') {
            let Some((name, value)) = table.iter().find(|(name, _)| *name.get_ref() == part) else {
                return place;
            };
            place = format!("{}:{}", self.place, line_of(self.text, &name.span()));
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => return place,
            }
        }
        place
    }

    fn check_keys(&self, given: &DeTable, known: &Table, section: &str) -> Result<()> {
        let mut keys: Vec<_> = given.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in keys {
            let name: &str = key.get_ref();
            match (known.get(name), value.get_ref()) {
                (None, _) => {
                    let place = format!("{}:{}", self.place, line_of(self.text, &key.span()));
                    return Err(unknown_key(name, section, known).at(place));
                }
                (Some(Value::Table(known)), DeValue::Table(given)) => {
                    self.check_keys(given, known, name)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The error for a key that `section` (empty: the top level) does not have.
pub(super) fn unknown_key(key: &str, section: &str, known: &Table) -> Error {
    let place = match section {
        "" => String::new(),
        section => format!(" in [{section}]"),
    };
    let hint = match nearest(key, known) {
        Some(nearest) => format!("; did you mean \"{nearest}\"?"),
        None => String::new(),
    };
    Error::input(format!("unknown key \"{key}\"{place}{hint}"))
}

/// The key of this section that is most like `key`, or else the same key in another section.
fn nearest(key: &str, known: &Table) -> Option<String> {
    let likeness = |name: &String| strsim::jaro_winkler(key, name);
    let best = known.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    if likeness(best) > 0.8 {
        return Some(best.clone());
    }
    let all = known_keys();
    let elsewhere = all.iter().find(|(_, section)| section.get(key).is_some());
    elsewhere.map(|(section, _)| format!("{section}.{key}"))
}

/// A type error's message in our words: what was expected, what was found.
pub(super) fn expectation(message: &str) -> String {
    let message = one_line(message);
    let found = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    match found.and_then(|found| found.rsplit_once(", expected ")) {
        None => message,
        Some((found, expected)) => {
            let expected = match expected {
                "usize" | "u64" => "a whole number, 0 or more",
                "f64" => "a number",
                "a boolean" => "true or false",
                "a sequence" => "a list",
                expected if expected.starts_with("struct ") => "a section",
                expected => expected,
            };
            format!("expected {expected}, found {found}")
        }
    }
}

/// Whether a table, perhaps changed by overrides, has the right types.
pub(super) fn typed(table: &Table) -> Result<Config> {
    Config::deserialize(table.clone()).map_err(|error| Error::input(expectation(error.message())))
}

fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// The dotted key of the value at a byte of the text.
fn key_at(table: &DeTable, offset: usize) -> Option<String> {
    let holds = |value: &Spanned<DeValue>| {
        let inner = match value.get_ref() {
            // A section that is written in several places has the span of one of them only.
            DeValue::Table(table) => key_at(table, offset),
            _ => None,
        };
        inner.or_else(|| value.span().contains(&offset).then(String::new))
    };
    table.iter().find_map(|(key, value)| {
        let inner = holds(value)?;
        let dot = if inner.is_empty() { "" } else { "." };
        Some(format!("{}{dot}{inner}", key.get_ref()))
    })
}

/// The line on which `span` begins; the first is 1.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}
