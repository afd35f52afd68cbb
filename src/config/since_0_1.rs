//! What configs can say since version 0.1.0. A run is told by its settings without the keys that are newer and have their
//! default: so it goes on, and its results stay, where the program has learnt new keys.

use super::settings::Config;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use toml::{Table, Value};

/// A run's `config.toml`, written by version 0.1.0: it has every key that 0.1.0 knew.
pub(super) const WRITTEN_BY_0_1: &str = include_str!("written_by_0_1.toml");

/// The same, read.
static KNOWN: LazyLock<Table> = LazyLock::new(|| toml::from_str(WRITTEN_BY_0_1).expect("0.1.0 wrote TOML"));

/// The dotted keys that are newer, with their defaults. None is of `[train_architecture]` or `[finetune]`, whose default is what
/// the section before says.
static NEW_KEYS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let known = &*KNOWN;
    let mut new = BTreeMap::new();
    for (name, value) in Table::try_from(Config::default()).expect("defaults fit into TOML") {
        match (value, known.get(&name)) {
            (Value::Table(section), known) => {
                let section = section.into_iter().filter(|(key, _)| known.and_then(|known| known.get(key)).is_none());
                new.extend(section.map(|(key, default)| (format!("{name}.{key}"), default)));
            }
            (default, None) => drop(new.insert(name, default)),
            (_, Some(_)) => {}
        }
    }
    new
});

/// The default of the dotted `key` where version 0.1.0 did not know that key.
pub fn default_of_new_key(key: &str) -> Option<&'static Value> {
    NEW_KEYS.get(key)
}

impl Config {
    /// The settings as TOML without new keys that have their default: what fingerprints are of. For settings that version
    /// 0.1.0 could express it is the text that 0.1.0 wrote.
    ///
    /// # Errors
    /// As [`Self::to_toml`].
    pub fn fingerprinted(&self) -> Result<String> {
        // JSON keeps the order of the fields; a TOML table does not.
        let mut settings = serde_json::to_value(self).map_err(Error::input)?;
        let is_default = |key: &str, value: &serde_json::Value| {
            default_of_new_key(key).is_some_and(|default| Value::try_from(value).is_ok_and(|value| value == *default))
        };
        settings.as_object_mut().expect("sections").retain(|name, value| match value.as_object_mut() {
            None => !is_default(name, value),
            Some(section) => {
                // 0.1.0 wrote its sections also where they were empty.
                let stays = section.is_empty() && KNOWN.contains_key(name);
                section.retain(|key, value| !is_default(&format!("{name}.{key}"), value));
                stays || !section.is_empty()
            }
        });
        toml::to_string(&settings).map_err(Error::input)
    }
}
