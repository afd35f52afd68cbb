//! What there is to know about a key, in words.

use super::find::BUILT_IN;
use super::keys::{Keys, documentation, dotted, parted};
use super::mistakes::{OVERRIDES, unknown_key};
use super::ranges;
use super::settings::Config;
use super::shown::toml_text;
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The configs that ship with the paper's settings.
const PAPER: [&str; 3] = ["wmt14-en-de", "wmt14-en-fr", "wmt19-en-de"];

/// Documentation, type, range and default of a dotted key, and its value in configs that ship with another one; of a section,
/// its keys.
///
/// # Errors
/// There is no such key; near ones are named.
pub fn explain(key: &str) -> Result<String> {
    let keys = Keys::all();
    let (section, name) = parted(key);
    match (keys.of(section), keys.get(section, name)) {
        (None, _) => match (rows_of(keys, section), keys.get("", section)) {
            (Some(of_row), _) => match of_row.get(name) {
                Some(schema) => Ok(key_in_words(section, name, schema)),
                None => Err(Error::input(format!(
                    "unknown key {name:?} in [[{section}]]; automoe config --explain {section} lists its keys"
                ))),
            },
            (None, Some(_)) => Err(Error::input(format!("{section:?} is a key, and no section"))),
            (None, None) => Err(Error::input(unknown_key(section, "", keys))),
        },
        (_, None) => Err(Error::input(unknown_key(name, section, keys))),
        (_, Some(schema)) => Ok(match schema["properties"].as_object() {
            Some(keys) => section_in_words(&format!("[{name}]"), schema, keys),
            None => match rows_of(keys, name).filter(|_| section.is_empty()) {
                Some(keys) => section_in_words(&format!("[[{name}]]"), schema, keys),
                None => key_in_words(section, name, schema),
            },
        }),
    }
}

/// The schemas of the keys that each table of a list of tables has.
fn rows_of<'a>(keys: &'a Keys, name: &str) -> Option<&'a Map<String, Value>> {
    keys.get("", name)?["items"]["properties"].as_object()
}

fn section_in_words(heading: &str, schema: &Value, keys: &Map<String, Value>) -> String {
    let mut text = format!("{heading}\n{}\n\n", documentation(schema));
    let width = keys.keys().map(String::len).max().unwrap_or(0);
    for (name, schema) in keys {
        let _ = writeln!(text, "{name:<width$}  {}", documentation(schema));
    }
    text
}

fn key_in_words(section: &str, name: &str, schema: &Value) -> String {
    let mut text = format!("{}\n{}\n\n", dotted(section, name), documentation(schema));
    let mut row = |name: &str, words: &str| text += &format!("{name:<16} {words}\n");
    row("type", &type_in_words(schema));
    // Of a list, that of its values.
    let values = schema.get("anyOf").map_or(schema, |kinds| &kinds[0]);
    if let Some(range) = ranges::in_words(values.get("items").unwrap_or(values)) {
        row("range", &range);
    }
    match schema.get("default") {
        // The one key whose default is another for each config.
        _ if name == "run_dir" => row("default", "runs/<name of the config>"),
        Some(default) => row("default", &toml_text(default)),
        // A row's key that must be given.
        None if !OVERRIDES.contains(&section) => {}
        None => {
            let beneath = if section == OVERRIDES[0] { "train" } else { OVERRIDES[0] };
            row("default", &format!("that of {beneath}.{name}"));
        }
    }
    for (config, value) in shipped(section, name) {
        if schema.get("default") != Some(&value) {
            let note = if PAPER.contains(&config) && section != "data" { " (the paper's)" } else { "" };
            row(&format!("in {config}"), &format!("{}{note}", toml_text(&value)));
        }
    }
    text
}

/// The value in each shipped config; of sections that repeat keys, where it gives one.
fn shipped(section: &str, name: &str) -> Vec<(&'static str, Value)> {
    let value = |text: &str| {
        let config = serde_json::to_value(toml::from_str::<Config>(text).ok()?).ok()?;
        if section.is_empty() { config.get(name).cloned() } else { config.get(section)?.get(name).cloned() }
    };
    BUILT_IN.iter().filter_map(|(config, text)| Some((*config, value(text)?))).collect()
}

fn type_in_words(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(toml_text).collect::<Vec<_>>().join(" or ");
    }
    if let Some(kinds) = schema.get("anyOf") {
        return format!("{}, or a list of such lists, one for each layer", type_in_words(&kinds[0]));
    }
    match schema["type"].as_str().unwrap_or_default() {
        "boolean" => "true or false".into(),
        "integer" => "whole number".into(),
        "number" => "number".into(),
        "array" => match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
            (Some(least), Some(most)) if least == most => {
                format!("list of {most}, each {}", type_in_words(&schema["items"]))
            }
            _ => format!("list, each {}", type_in_words(&schema["items"])),
        },
        _ => "text".into(),
    }
}
