//! Names that a config takes from a list of the catalog.

use crate::catalog::{ALGORITHMS, OBJECTIVES, WEIGHT_SHARING};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A type whose values are the names of a list, the first being the default.
macro_rules! names_of {
    ($(#[$documentation:meta])* $name:ident, $list:ident) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(&'static str);

        impl $name {
            /// The one called `name`; `None` where the catalog has none.
            pub fn new(name: &str) -> Option<Self> {
                Self::all().find(|known| known.as_str() == name)
            }

            /// All of them, in the catalog's order.
            pub fn all() -> impl Iterator<Item = Self> {
                $list.iter().map(|name| Self(name))
            }

            /// As in configs.
            pub fn as_str(self) -> &'static str {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($list[0])
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": $list})
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                Self::new(&name).ok_or_else(|| D::Error::unknown_variant(&name, &$list))
            }
        }
    };
}

names_of! {
    /// The name of a search algorithm, one of [`ALGORITHMS`].
    AlgorithmName, ALGORITHMS
}

names_of! {
    /// The name of what a search minimises, one of [`OBJECTIVES`].
    ObjectiveName, OBJECTIVES
}

names_of! {
    /// The name of a rule of weight sharing, one of [`WEIGHT_SHARING`].
    WeightSharingName, WEIGHT_SHARING
}
