//! Every key there is, by the schema of the settings.

use super::schema::schema_of;
use super::settings::Config;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The keys of all sections.
pub(super) struct Keys(Value);

impl Keys {
    /// Those of [`Config`].
    pub fn all() -> &'static Self {
        static ALL: LazyLock<Keys> = LazyLock::new(|| Keys(Config::schema()));
        &ALL
    }

    /// The schemas of a section's keys by name, or with "" of the top level's, sections among them. `None`: there is no such
    /// section.
    pub fn of(&self, section: &str) -> Option<&Map<String, Value>> {
        let schema = if section.is_empty() { &self.0 } else { self.of("")?.get(section)? };
        schema["properties"].as_object()
    }

    /// Whether there is a section called `name`.
    pub fn has_section(&self, name: &str) -> bool {
        !name.is_empty() && self.of(name).is_some()
    }

    /// The schema of a key of `section`; "" is the top level.
    pub fn get(&self, section: &str, name: &str) -> Option<&Value> {
        self.of(section)?.get(name)
    }

    /// The names of all sections.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        let top = self.of("").into_iter().flat_map(Map::keys);
        top.map(String::as_str).filter(|name| self.of(name).is_some())
    }
}

/// What the `schema` of a key, or of a section, says of it.
pub(super) fn documentation(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// A key as messages and options have it.
pub(super) fn dotted(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The section and the name of a dotted key.
pub(super) fn parted(key: &str) -> (&str, &str) {
    key.split_once('.').unwrap_or(("", key))
}

impl Config {
    /// A JSON Schema of configs (draft 7): documentation, type, default and range of each key. What several keys must agree on
    /// is [`Self::validate`]'s to say.
    pub fn schema() -> Value {
        schema_of::<Self>()
    }
}
