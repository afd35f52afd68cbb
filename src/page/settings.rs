//! What the run was made with, and how to make it again.

use super::facts::Facts;
use crate::config::{Config, said};
use crate::report::WINNER;
use crate::run::Request;
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
        pre { (commands(facts)) }
    }
}

fn commands(facts: &Facts) -> String {
    let folder = quoted(&facts.folder);
    let config = format!("--config {folder}/config.toml --run-dir runs/again");
    // Without a SuperNet of its own, the search was with that of another run.
    let made = match &facts.request {
        Some(request) => format!("automoe run {config}{}", options(request)),
        None if facts.supernets.is_empty() => format!("automoe search {config} --checkpoint SUPERNET"),
        None => format!("automoe run {config}"),
    };
    let mut commands = vec![made, format!("automoe report {folder}")];
    if facts.results.is_some() {
        commands.push(format!("automoe table run {folder}"));
    }
    if facts.models.iter().any(|training| training.name == WINNER) {
        commands.push(format!("automoe translate --checkpoint {folder}/models/{WINNER} < source.txt"));
    }
    commands.join("\n")
}

/// What was asked for, as the command line has it; without what is so in any case.
fn options(request: &Request) -> String {
    let Request { device, top, seeds, ladder, done: _ } = request;
    let options = [
        (device != "cpu").then(|| format!(" --device {}", quoted(device))),
        (*top != 1).then(|| format!(" --top {top}")),
        (*seeds != 1).then(|| format!(" --seeds {seeds}")),
        ladder.as_ref().map(|ladder| format!(" --ladder {}", quoted(ladder))),
    ];
    options.into_iter().flatten().collect()
}

/// `path` as a shell reads it.
fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-=,:".contains(letter);
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
    let pairs = own.into_iter().map(|(key, value)| {
        let default = default.get(&key).cloned().unwrap_or_else(|| beneath(&key));
        (key, said(value), default)
    });
    pairs.filter(|(_, value, default)| value != default).collect()
}

/// What holds where a key of a section that repeats another's is left out.
fn beneath(key: &str) -> Value {
    match key.split_once('.') {
        Some(("finetune", name)) => format!("that of train_architecture.{name}").into(),
        Some((_, name)) => format!("that of train.{name}").into(),
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_said_again() {
        let request = |top, ladder: Option<&str>| Request {
            device: "gpu:1".into(),
            top,
            seeds: 3,
            ladder: ladder.map(String::from),
            done: true,
        };
        assert_eq!(options(&request(1, None)), " --device gpu:1 --seeds 3");
        let more = " --device gpu:1 --top 2 --seeds 3 --ladder gflops=0.02,0.03";
        assert_eq!(options(&request(2, Some("gflops=0.02,0.03"))), more);
    }
}
