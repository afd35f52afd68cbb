//! `[space]`: the values that each gene may take, as the user writes them.

use super::gene::{Gene, Scope};
use super::genes::GENES;
use super::side::Side;
use super::values::ValueKind;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Index, IndexMut};

/// `[space]`: the choices of every gene, by the gene's key. A flat list holds for every layer; a list of lists gives each
/// layer its own.
///
/// The keys, what they mean and their defaults are those of `space/genes.rs`, with the side's prefix:
///
/// ```
/// # use automoe::space::{Choices, SpaceConfig};
/// let mut config = SpaceConfig::default();
/// config["encoder_layer_num"] = Choices::Every(vec![1, 2, 3]);
/// config["encoder_n_experts"] = Choices::PerLayer(vec![vec![0], vec![2, 4], vec![0]]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceConfig(Vec<Entry>);

/// One key with its choices.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    gene: &'static Gene,
    choices: Choices,
}

/// The values a gene may take: the same for every layer, or each layer's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a list of whole numbers, or a list of such lists, one for each layer")]
pub enum Choices<T = i64> {
    /// The same values in every layer.
    Every(Vec<T>),
    /// Layer i chooses from list i.
    PerLayer(Vec<Vec<T>>),
}

impl SpaceConfig {
    /// The same with these choices.
    ///
    /// # Panics
    /// Where no gene has one of the keys.
    pub fn with<const N: usize>(mut self, choices: [(&str, Choices); N]) -> Self {
        for (key, choices) in choices {
            self[key] = choices;
        }
        self
    }

    /// The choices of a gene that `side` has, by the gene's name.
    pub(super) fn of(&self, side: Side, gene: &str) -> &Choices {
        &self[&format!("{}_{gene}", side.name())]
    }
}

impl Default for SpaceConfig {
    /// The choices that `space/genes.rs` names.
    fn default() -> Self {
        let entry = |gene: &'static Gene, side| {
            let choices = Choices::Every(gene.defaults(side)?.to_vec());
            Some(Entry { key: gene.key(side), gene, choices })
        };
        Self(GENES.iter().flat_map(|gene| Side::BOTH.map(|side| entry(gene, side))).flatten().collect())
    }
}

impl Index<&str> for SpaceConfig {
    type Output = Choices;

    /// The choices of a key.
    ///
    /// # Panics
    /// Where no gene has that key.
    fn index(&self, key: &str) -> &Choices {
        let entry = self.0.iter().find(|entry| entry.key == key);
        &entry.unwrap_or_else(|| panic!("no gene has the key {key}")).choices
    }
}

impl IndexMut<&str> for SpaceConfig {
    fn index_mut(&mut self, key: &str) -> &mut Choices {
        let entry = self.0.iter_mut().find(|entry| entry.key == key);
        &mut entry.unwrap_or_else(|| panic!("no gene has the key {key}")).choices
    }
}

impl Serialize for SpaceConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|entry| (&entry.key, &entry.choices)))
    }
}

impl<'de> Deserialize<'de> for SpaceConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpaceVisitor)
    }
}

/// Reads the choices that are given; the others are the default.
struct SpaceVisitor;

impl<'de> Visitor<'de> for SpaceVisitor {
    type Value = SpaceConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a section")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<SpaceConfig, M::Error> {
        let mut config = SpaceConfig::default();
        while let Some(key) = map.next_key::<String>()? {
            let entry = config.0.iter_mut().find(|entry| entry.key == key);
            let entry = entry.ok_or_else(|| M::Error::custom(format!("unknown key \"{key}\"")))?;
            let choices = match entry.gene.scope() {
                Scope::Stack => Choices::Every(map.next_value()?),
                Scope::Layer | Scope::Expert => map.next_value()?,
            };
            entry.choices = signed(choices, entry.gene).map_err(M::Error::custom)?;
        }
        Ok(config)
    }
}

/// Any whole number that a file can hold.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected a list of whole numbers")]
enum Number {
    Signed(i64),
    Unsigned(u64),
}

/// The same as choices of `gene`; the error says what cannot be one.
fn signed(choices: Choices<Number>, gene: &Gene) -> Result<Choices, String> {
    let signed = |number| match number {
        Number::Signed(value) if value < 0 && gene.values != ValueKind::Attended => {
            Err(format!("expected whole numbers, 0 or more, found {value}"))
        }
        Number::Signed(value) => Ok(value),
        Number::Unsigned(value) => Err(format!("{value} is more than 63 bits")),
    };
    let list = |list: Vec<Number>| list.into_iter().map(signed).collect::<Result<Vec<i64>, String>>();
    Ok(match choices {
        Choices::Every(values) => Choices::Every(list(values)?),
        Choices::PerLayer(lists) => Choices::PerLayer(lists.into_iter().map(list).collect::<Result<_, _>>()?),
    })
}

impl<T> Choices<T> {
    /// The values for layer `index` (the first is 0); `None` where there is no list for that layer.
    pub fn layer(&self, index: usize) -> Option<&[T]> {
        match self {
            Self::Every(values) => Some(values),
            Self::PerLayer(lists) => lists.get(index).map(Vec::as_slice),
        }
    }

    /// The lists: one for all layers, or each layer's.
    pub fn lists(&self) -> &[Vec<T>] {
        match self {
            Self::Every(values) => std::slice::from_ref(values),
            Self::PerLayer(lists) => lists,
        }
    }

    /// Whether no layer has any choice.
    pub fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    /// All values, layer after layer.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.lists().iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_the_table_has_them_encoder_before_decoder() {
        let written = toml::to_string(&SpaceConfig::default()).unwrap();
        let keys: Vec<_> = written.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
        assert_eq!(keys.len(), 22);
        assert_eq!(keys[..3], ["encoder_embed_dim", "decoder_embed_dim", "encoder_layer_num"]);
        assert_eq!(
            keys[8..12],
            ["decoder_ende_attention_heads", "decoder_arbitrary_ende_attn", "encoder_n_experts", "decoder_n_experts"]
        );
    }

    #[test]
    fn what_is_written_comes_back_and_the_rest_is_the_default() {
        let given = SpaceConfig::default().with([
            ("encoder_embed_dim", Choices::Every(vec![64])),
            ("decoder_arbitrary_ende_attn", Choices::PerLayer(vec![vec![-1], vec![2, 1]])),
            ("encoder_n_experts", Choices::Every(vec![])),
        ]);
        assert_eq!(toml::from_str::<SpaceConfig>(&toml::to_string(&given).unwrap()).unwrap(), given);
        let part = toml::from_str::<SpaceConfig>("encoder_n_experts = []\nencoder_embed_dim = [64]").unwrap();
        assert_eq!(part, given.with([("decoder_arbitrary_ende_attn", Choices::Every(vec![-1, 1, 2]))]));
    }

    /// What no gene can have is refused with the number itself, not with one that it was wrapped to.
    #[test]
    fn numbers_beyond_the_signed_ones_are_named() {
        for list in [
            "encoder_layer_num = [18446744073709551615]",
            "encoder_n_experts = [1, 18446744073709551615]",
            "encoder_n_experts = [[1], [18446744073709551615]]",
        ] {
            let error = toml::from_str::<SpaceConfig>(list).unwrap_err();
            assert_eq!(error.message(), "18446744073709551615 is more than 63 bits", "{list}");
        }
        assert!(toml::from_str::<SpaceConfig>("encoder_layer_num = [-1]").is_err());
        assert!(toml::from_str::<SpaceConfig>("encoder_layer = [1]").is_err());
    }
}
