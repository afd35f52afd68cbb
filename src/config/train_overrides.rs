//! `[train_architecture]` and `[finetune]`: `[train]` with other values for some keys.

use super::precision::Precision;
use super::schema::without_defaults;
use super::train::TrainConfig;
use crate::error::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use toml::Table;

/// `[train_architecture]`: keys of [`TrainConfig`] that differ when one architecture is trained; the others are `[train]`'s.
/// `[finetune]`: those that differ where that begins with the SuperNet's weights; the others are `[train_architecture]`'s.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainOverrides {
    /// With defaults for what is not given.
    values: TrainConfig,
    given: BTreeSet<String>,
}

impl TrainOverrides {
    /// The precision, where it is given.
    pub fn precision_mut(&mut self) -> Option<&mut Precision> {
        self.has("precision").then_some(&mut self.values.precision)
    }

    /// Whether `key` is given.
    pub fn has(&self, key: &str) -> bool {
        self.given.contains(key)
    }
}

impl TrainConfig {
    /// These settings with those of `overrides` that are given.
    ///
    /// # Errors
    /// A number that TOML cannot hold.
    pub fn with(&self, overrides: &TrainOverrides) -> Result<Self> {
        let too_large =
            |_| Error::input("a number here, in [train_architecture] or in [finetune] is more than 63 bits");
        let mut settings = Table::try_from(self).map_err(too_large)?;
        let values = Table::try_from(&overrides.values).map_err(too_large)?;
        settings.extend(values.into_iter().filter(|(key, _)| overrides.given.contains(key)));
        settings.try_into().map_err(Error::input)
    }
}

impl Serialize for TrainOverrides {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // JSON keeps the order of the fields, in which the keys of all sections are written; a TOML table does not.
        let values = serde_json::to_value(&self.values).map_err(S::Error::custom)?;
        let values = values.as_object().into_iter().flatten();
        serializer.collect_map(values.filter(|(key, _)| self.given.contains(*key)))
    }
}

impl JsonSchema for TrainOverrides {
    fn schema_name() -> Cow<'static, str> {
        "TrainOverrides".into()
    }

    /// What is not given is `[train]`'s.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        without_defaults(TrainConfig::json_schema(generator))
    }
}

impl<'de> Deserialize<'de> for TrainOverrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OverridesVisitor)
    }
}

/// Reads the section as a [`TrainConfig`], so that mistakes are found where they are, and keeps what was given of it.
struct OverridesVisitor;

impl<'de> Visitor<'de> for OverridesVisitor {
    type Value = TrainOverrides;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("struct TrainOverrides")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TrainOverrides, A::Error> {
        let mut given = BTreeSet::new();
        let values = TrainConfig::deserialize(MapAccessDeserializer::new(Noting { map, given: &mut given }))?;
        Ok(TrainOverrides { values, given })
    }
}

/// A map that notes its keys while it is read. The values say nothing of that: one that is given may be the default. And a
/// section that was read into a table first, to list its keys, would not tell in which line a mistake is.
struct Noting<'a, A> {
    map: A,
    given: &'a mut BTreeSet<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Noting<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(key) = self.map.next_key::<String>()? else {
            return Ok(None);
        };
        self.given.insert(key.clone());
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
