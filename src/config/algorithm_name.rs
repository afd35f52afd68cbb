//! The name of a search algorithm.

use crate::catalog::{ALGORITHM_NAMES, ALGORITHMS, AlgorithmRow};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A search algorithm of the catalog; the default is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlgorithmName(&'static AlgorithmRow);

impl AlgorithmName {
    /// The algorithm called `name`; `None` where the catalog has none.
    pub fn new(name: &str) -> Option<Self> {
        Self::all().find(|algorithm| algorithm.as_str() == name)
    }

    /// Every algorithm, in the catalog's order.
    pub fn all() -> impl Iterator<Item = Self> {
        ALGORITHMS.iter().map(Self)
    }

    /// Its name in configs.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }
}

impl Default for AlgorithmName {
    fn default() -> Self {
        Self(&ALGORITHMS[0])
    }
}

impl Serialize for AlgorithmName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AlgorithmName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).ok_or_else(|| D::Error::unknown_variant(&name, &ALGORITHM_NAMES))
    }
}
