//! What the run was made with, and how to make it again.

use super::facts::Facts;
use crate::config::Config;
use maud::{Markup, html};
use serde_json::Value;

/// Settings that differ from the defaults, versions, data, commands.
pub(super) fn settings(facts: &Facts) -> Markup {
    let manifest = &facts.manifest;
    let data = manifest.data.as_deref().unwrap_or("not known yet");
    html! {
        p { "Begun by automoe " (manifest.version) " (" (manifest.created_by) "); this page is of automoe " (env!("CARGO_PKG_VERSION")) ". "
            "Fingerprint of the data: " code { (data) } "; of the settings: " code { (manifest.settings) } "." }
        (differing(&different(&facts.config)))
        p { "To make it again, and what is made of it:" }
        pre { (commands(&facts.folder)) }
    }
}

fn commands(folder: &str) -> String {
    let folder = quoted(folder);
    format!(
        "automoe run --config {folder}/config.toml --run-dir runs/again\nautomoe report {folder}\nautomoe table run {folder}\n\
         automoe translate --checkpoint {folder}/models/winner < source.txt"
    )
}

/// `path` as a shell reads it.
fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn differing(settings: &[(String, Value, Value)]) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th.text { "key" } th.text { "value" } th.text { "default" } } }
            tbody { @for (key, value, default) in settings { tr {
                td.text { code { (key) } } td.text.long { code { (value) } } td.text.long { code { (default) } }
            } } }
        } }
    }
}

/// Dotted keys with the value and the default, where they differ.
pub(super) fn different(config: &Config) -> Vec<(String, Value, Value)> {
    let [own, default] = [config, &Config::default()].map(|config| config.values().unwrap_or_default());
    let missing = &Value::Null;
    let pairs = own.into_iter().map(|(key, value)| {
        let default = default.get(&key).unwrap_or(missing).clone();
        (key, given(value), default)
    });
    pairs.filter(|(_, value, default)| value != default).collect()
}

/// `value`, but of a list of tables what is not said in them.
fn given(mut value: Value) -> Value {
    let is_said = |value: &Value| ![0.into(), "".into(), false.into()].contains(value);
    for row in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        row.retain(|_, value| is_said(value));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_of_a_list_say_what_was_said() {
        let rows = json!([{"kind": "moe", "experts": 2, "every": 0, "name": "", "own_supernet": false}, 3]);
        assert_eq!(given(rows), json!([{"kind": "moe", "experts": 2}, 3]));
        assert_eq!(given(json!(0)), json!(0));
    }
}
