//! Settings as TOML for people: with where each came from, or as a config to begin with.

use super::keys::{Keys, documentation, dotted};
use super::load::Loaded;
use super::mistakes::OVERRIDES;
use super::settings::Config;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Columns of a line of documentation.
const WIDTH: usize = 110;
/// Comments behind values stand at most here.
const MOST_PADDING: usize = 44;

/// `value`, but in a list of tables without what a table that leaves it out has, too.
pub fn said(mut value: Value) -> Value {
    let is_said = |value: &Value| ![0.into(), "".into(), false.into()].contains(value);
    for row in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        row.retain(|_, value| is_said(value));
    }
    value
}

/// A value as TOML writes it.
pub(super) fn toml_text(value: &Value) -> String {
    toml::Value::try_from(said(value.clone())).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// One key of a section.
struct Line {
    /// `key = value`, or `#key = value`.
    assignment: String,
    origin: String,
}

impl Loaded {
    /// All keys with their values, each with what gave it: TOML that loads as the same settings. What `[train_architecture]` and
    /// `[finetune]` take from other sections is a comment.
    ///
    /// # Errors
    /// A path that is not Unicode.
    pub fn shown(&self) -> Result<String> {
        let mut text = String::new();
        for (section, values) in sections(&self.config)? {
            if !section.is_empty() {
                let _ = writeln!(text, "\n[{section}]");
            }
            let line = |(name, value): (&String, &Value)| Line {
                assignment: format!("{name} = {}", toml_text(value)),
                origin: self.origin(&dotted(&section, name)).unwrap_or("default").to_owned(),
            };
            let mut lines: Vec<Line> = values.iter().map(line).collect();
            if OVERRIDES.contains(&section.as_str()) {
                lines.extend(self.taken_over(&section, &values)?);
            }
            let widths = lines.iter().map(|line| line.assignment.chars().count());
            let width = widths.max().unwrap_or(0).min(MOST_PADDING);
            for Line { assignment, origin } in lines {
                let _ = writeln!(text, "{assignment:<width$}  # {origin}");
            }
        }
        Ok(text)
    }

    /// The keys that a section of [`OVERRIDES`] with these `values` does not have, with the section that their values come from.
    fn taken_over(&self, section: &str, values: &Map<String, Value>) -> Result<Vec<Line>> {
        let Config { train, train_architecture, .. } = &self.config;
        let is_first = section == OVERRIDES[0];
        let beneath = if is_first { train.clone() } else { train.with(train_architecture)? };
        let line = |(name, value): (&String, &Value)| {
            let from = if is_first || !train_architecture.has(name) { "train" } else { OVERRIDES[0] };
            Line { assignment: format!("#{name} = {}", toml_text(value)), origin: format!("{from}.{name}") }
        };
        let beneath = object(&beneath)?;
        Ok(beneath.iter().filter(|(name, _)| !values.contains_key(*name)).map(line).collect())
    }

    /// A config of these settings called `name`, with the documentation of every key, for editors that find its schema in
    /// the file `schema` beside it. What nobody gave is a comment that shows the default.
    ///
    /// # Errors
    /// A path that is not Unicode.
    pub fn commented(mut self, name: &str, schema: &str) -> Result<String> {
        let is_asked = self.origin("run_dir").is_some_and(|origin| origin.starts_with("--set"));
        if !is_asked {
            self.config.run_dir = Path::new("runs").join(name);
            self.origins.remove("run_dir");
        }
        let keys = Keys::all();
        let mut text = format!("#:schema ./{schema}\n");
        text += &comment(
            "Settings of a run. `#key = …` shows a default: take the `#` away and change it. `automoe config --explain \
             section.key` tells more of a key, `automoe config --show --config FILE` what holds.",
        );
        for (section, values) in sections(&self.config)? {
            text.push('\n');
            if !section.is_empty() {
                let _ = writeln!(text, "{}[{section}]", comment(keys.get("", &section).map_or("", documentation)));
            }
            for (name, value) in &values {
                let schema = keys.get(&section, name);
                // Those of [train] have been told there.
                if !OVERRIDES.contains(&section.as_str()) {
                    text += &comment(schema.map_or("", documentation));
                }
                let default = schema.and_then(|schema| schema.get("default")).filter(|default| *default != value);
                let mark = if self.origin(&dotted(&section, name)).is_some() { "" } else { "#" };
                let _ = write!(text, "{mark}{name} = {}", toml_text(value));
                let _ = match default.filter(|_| mark.is_empty()) {
                    Some(default) => writeln!(text, "  # default: {}", toml_text(default)),
                    None => writeln!(text),
                };
            }
        }
        Ok(text)
    }
}

impl Config {
    /// All values by their dotted keys.
    ///
    /// # Errors
    /// A path that is not Unicode.
    pub fn values(&self) -> Result<BTreeMap<String, Value>> {
        let of_section = |(section, values): (String, Map<String, Value>)| {
            values.into_iter().map(move |(name, value)| (dotted(&section, &name), value))
        };
        Ok(sections(self)?.into_iter().flat_map(of_section).collect())
    }
}

/// The keys that are set, section by section, those without a section first.
///
/// # Errors
/// A path that is not Unicode.
fn sections(config: &Config) -> Result<Vec<(String, Map<String, Value>)>> {
    let mut sections = vec![(String::new(), Map::new())];
    for (name, value) in object(config)? {
        match value {
            Value::Object(values) => sections.push((name, values)),
            value => drop(sections[0].1.insert(name, value)),
        }
    }
    Ok(sections)
}

/// Settings by their keys.
///
/// # Errors
/// A path that is not Unicode.
fn object(settings: &impl Serialize) -> Result<Map<String, Value>> {
    let values = serde_json::to_value(settings).map_err(|error| Error::input(error).at("the config"))?;
    Ok(values.as_object().cloned().unwrap_or_default())
}

/// `text` as lines of a comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut width = WIDTH;
    for word in text.split_whitespace() {
        let length = word.chars().count() + 1;
        if width + length > WIDTH {
            lines += if lines.is_empty() { "#" } else { "\n#" };
            width = 1;
        }
        lines.push(' ');
        lines += word;
        width += length;
    }
    if lines.is_empty() { lines } else { lines + "\n" }
}
