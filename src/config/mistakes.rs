//! What is wrong with a config's values before they are looked at together: unknown keys, and values of another type.

use super::keys::Keys;
use super::settings::Config;
use crate::names;
use serde::Deserialize;
use std::ops::Range;
use toml::de::{DeTable, DeValue, Error};
use toml::{Deserializer, Spanned};

/// The sections that repeat keys of `[train]`, which are optional there and have no defaults to print: the first replaces those of
/// `[train]`, the second those of the first.
pub(super) const OVERRIDES: [&str; 2] = ["train_architecture", "finetune"];

/// The settings that `table` holds, with defaults for the others.
pub(super) fn read(table: DeTable) -> Result<Config, Error> {
    Config::deserialize(Deserializer::from(Spanned::new(0..0, table)))
}

/// What is wrong with `value` by the `schema` of its key, and where in the text; `table` has this value alone, where a config
/// has it.
pub(super) fn mistake(
    value: &Spanned<DeValue>,
    schema: &serde_json::Value,
    table: DeTable,
) -> Option<(String, Range<usize>)> {
    let whole = |message| Some((message, value.span()));
    let (expected, is_right) = expected(schema, value.get_ref());
    if !is_right {
        return whole(format!("expected {expected}, found {}", found(value.get_ref())));
    }
    if let Some(message) = wrong_length(schema, value.get_ref()) {
        return whole(message);
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

/// What a key of `schema` holds, and whether `value` is of that kind.
fn expected(schema: &serde_json::Value, value: &DeValue) -> (&'static str, bool) {
    match schema["type"].as_str() {
        Some("object") => ("a section", value.is_table()),
        Some("boolean") => ("true or false", value.is_bool()),
        Some("integer") => ("a whole number, 0 or more", value.is_integer()),
        Some("number") => ("a number", value.is_integer() || value.is_float()),
        Some("string") => ("a string", value.is_str()),
        _ => ("a list", value.is_array()),
    }
}

/// What is wrong with a list of another length than the schema's, which readers of such lists would take for longer ones, too.
fn wrong_length(schema: &serde_json::Value, value: &DeValue) -> Option<String> {
    let (found, least, most) =
        (value.as_array()?.len() as u64, schema["minItems"].as_u64()?, schema["maxItems"].as_u64()?);
    (least == most && found != most).then(|| format!("expected a list of {most}, found a list of {found}"))
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

/// The message about a key that `section` (empty: the top level) does not have.
pub(super) fn unknown_key(key: &str, section: &str, keys: &Keys) -> String {
    let here: Vec<&str> = keys.of(section).into_iter().flat_map(|keys| keys.keys()).map(String::as_str).collect();
    let has = |section: &&str| !OVERRIDES.contains(section) && keys.get(section, key).is_some();
    let elsewhere: Vec<_> = keys.sections().filter(has).map(|section| format!("\"{section}.{key}\"")).collect();
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    let hint = match names::nearest(key, here.iter().copied()) {
        _ if !elsewhere.is_empty() => format!("did you mean {}?", elsewhere.join(" or ")),
        Some(near) => format!("did you mean \"{near}\"?"),
        None if section.is_empty() => format!("expected one of {}", here.join(", ")),
        None => format!("automoe config --explain {section} lists its keys"),
    };
    format!("unknown key \"{}\"{place}; {hint}", key.escape_debug())
}

/// The message about a value within a list, or about one of the right kind, in our words.
fn expectation(message: &str) -> String {
    let message = one_line(message);
    let found = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    let Some((found, expected)) = found.and_then(|found| found.rsplit_once(", expected ")) else { return message };
    let expected = match expected {
        "usize" | "u64" => "a whole number, 0 or more",
        "f64" => "a number",
        expected => expected,
    };
    let found = match found {
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
