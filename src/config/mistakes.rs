//! What is wrong with a config's values before they are looked at together: unknown keys, and values of another type.

use super::settings::Config;
use crate::names;
use serde::Deserialize;
use std::ops::Range;
use toml::de::{DeTable, DeValue, Error};
use toml::{Deserializer, Spanned, Table, Value};

/// The sections that repeat keys of `[train]`, which are optional there and have no defaults to print.
pub(super) const OVERRIDES: [&str; 2] = ["train_architecture", "finetune"];

/// Every key there is, with its default: what the keys of a file are compared with.
pub(super) fn known_keys() -> Table {
    let mut known = Table::try_from(Config::default()).expect("defaults fit into TOML");
    let train = known["train"].clone();
    for section in OVERRIDES {
        known.insert(section.into(), train.clone());
    }
    known.insert("compare".into(), Value::Array(Vec::new()));
    known
}

/// The settings that `table` holds, with defaults for the others.
pub(super) fn read(table: DeTable) -> Result<Config, Error> {
    Config::deserialize(Deserializer::from(Spanned::new(0..0, table)))
}

/// What is wrong with `value` in the place of `default`, and where in the text; `table` has this value alone, where a config
/// has it.
pub(super) fn mistake(value: &Spanned<DeValue>, default: &Value, table: DeTable) -> Option<(String, Range<usize>)> {
    let whole = |message| Some((message, value.span()));
    let (expected, is_right) = expected(default, value.get_ref());
    if !is_right {
        return whole(format!("expected {expected}, found {}", found(value.get_ref())));
    }
    if let Some(impossible) = impossible(value.get_ref()) {
        return whole(impossible);
    }
    let error = read(table).err()?;
    Some((expectation(error.message()), error.span().unwrap_or_else(|| value.span())))
}

/// What no key can have, though TOML can write it.
fn impossible(value: &DeValue) -> Option<String> {
    match value {
        DeValue::Integer(number) => {
            let fits = i64::from_str_radix(number.as_str(), number.radix()).is_ok();
            (!fits).then(|| format!("{number} is more than 63 bits"))
        }
        DeValue::Datetime(date) => Some(format!("{date} is a date, which no list here has")),
        DeValue::Array(values) => values.iter().find_map(|value| impossible(value.get_ref())),
        _ => None,
    }
}

/// What stands where `default` does, and whether `value` is of that kind.
fn expected(default: &Value, value: &DeValue) -> (&'static str, bool) {
    match default {
        Value::Table(_) => ("a section", value.is_table()),
        Value::Array(_) => ("a list", value.is_array()),
        Value::Boolean(_) => ("true or false", value.is_bool()),
        Value::Integer(_) => ("a whole number, 0 or more", value.is_integer()),
        Value::Float(_) => ("a number", value.is_integer() || value.is_float()),
        Value::String(_) | Value::Datetime(_) => ("a string", value.is_str()),
    }
}

/// The value as type errors tell it.
fn found(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(number) => format!("integer `{number}`"),
        DeValue::Float(number) => format!("floating point `{number}`"),
        DeValue::Boolean(value) => format!("boolean `{value}`"),
        DeValue::Datetime(date) => format!("date `{date}`"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// The message about a key that `section` (empty: the top level) does not have. `known` are the keys of all sections.
pub(super) fn unknown_key(key: &str, section: &str, known: &Table) -> String {
    let keys = if section.is_empty() { Some(known) } else { known.get(section).and_then(Value::as_table) };
    let keys: Vec<&str> = keys.into_iter().flat_map(Table::keys).map(String::as_str).collect();
    let has = |(name, section): &(&String, &Value)| !OVERRIDES.contains(&name.as_str()) && section.get(key).is_some();
    let elsewhere: Vec<_> = known.iter().filter(has).map(|(section, _)| format!("\"{section}.{key}\"")).collect();
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    let hint = match elsewhere.is_empty() {
        true => names::hint(key, &keys),
        false => format!("did you mean {}?", elsewhere.join(" or ")),
    };
    format!("unknown key \"{}\"{place}; {hint}", key.escape_debug())
}

/// A key as messages and options have it.
pub(super) fn dotted(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The message about a value within a list, or about one of the right kind, in our words.
fn expectation(message: &str) -> String {
    let message = one_line(message);
    let part = |start: &str| message.strip_prefix(start)?.rsplit_once(", expected ");
    let (found, expected) = match (part("invalid type: ").or(part("invalid value: ")), part("invalid length ")) {
        (Some((found, expected)), _) => (found.to_owned(), expected),
        (None, Some((found, expected))) => (format!("a list of {found}"), expected),
        (None, None) => return message,
    };
    let expected = match expected {
        "usize" | "u64" => "a whole number, 0 or more".into(),
        "f64" => "a number".into(),
        expected => expected.replace("an array of length", "a list of"),
    };
    let found = match found.as_str() {
        "sequence" => "a list",
        "map" => "a table",
        found => found,
    };
    format!("expected {expected}, found {found}")
}

/// A library's message without its line breaks.
pub(super) fn one_line(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
