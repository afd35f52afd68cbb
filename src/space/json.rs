//! The JSON form of an [`Architecture`]: the reference's gene names, read leniently and printed in one normal form.
//!
//! Reading takes one number for a gene that is the same in every layer and fills in what is missing: no `*_n_experts` is a
//! dense stack, a layer with 0 experts is a dense layer, one expert is routed to, cross-attention sees the last encoder
//! layer, nothing is dropped. No list may be longer or shorter than there are layers (or experts), nor a name be there twice.
//! Printing writes `*_each_expert_ffn_dim` only for a stack with a layer whose experts differ from its `*_ffn_embed_dim`, an
//! identity expert as size 0, and the drop genes only where something is dropped; so equal models print equally.

use super::architecture::{Architecture, Layer, Stack};
use super::gene::{At, EACH_EXPERT_FFN_DIM, Gene, InJson, LAYER_NUM, N_EXPERTS, Part, STD_VS_DUMMY_EXPERTS};
use super::genes;
use super::side::Side;
use crate::error::{Error, Result, refuse};
use crate::json;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

impl Architecture {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Text that is not JSON, an unknown or missing key, a list that is too short, a value that makes no model.
    pub fn from_json(text: &str) -> Result<Self> {
        let value = json::parse(text).map_err(|error| Error::input(format!("not a JSON architecture: {error}")))?;
        Self::from_value(&value)
    }

    /// As [`Self::from_json`], for JSON that is already parsed.
    pub fn from_value(value: &Value) -> Result<Self> {
        let parts = object(value, "an architecture")?;
        known_keys(parts, &["encoder".into(), "decoder".into()])?;
        let stack = |side: Side| {
            let part = parts.get(side.name()).ok_or_else(|| missing(side.name()))?;
            StackReader::new(side, object(part, side.name())?)?.read()
        };
        let architecture = Self { encoder: stack(Side::Encoder)?, decoder: stack(Side::Decoder)? };
        refuse(&architecture.validate())?;
        Ok(architecture)
    }

    /// The JSON form as a value: the same for equal architectures.
    pub fn to_value(&self) -> Value {
        json!({
            "encoder": print_stack(Side::Encoder, &self.encoder),
            "decoder": print_stack(Side::Decoder, &self.decoder),
        })
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json::Unique(value) = json::Unique::deserialize(deserializer)?;
        Self::from_value(&value).map_err(serde::de::Error::custom)
    }
}

/// One stack's object while it is being read.
struct StackReader<'a> {
    side: Side,
    genes: &'a Map<String, Value>,
    layers: usize,
}

impl<'a> StackReader<'a> {
    fn new(side: Side, genes: &'a Map<String, Value>) -> Result<Self> {
        known_keys(genes, &keys_of(side))?;
        let mut reader = Self { side, genes, layers: 0 };
        reader.layers = reader.scalar(genes::named(LAYER_NUM))?;
        Ok(reader)
    }

    fn read(&self) -> Result<Stack> {
        let mut stack = Stack { embed_dim: 0, layers: vec![Layer::default(); self.layers] };
        let is_dense = self.value(N_EXPERTS).is_none();
        for gene in genes::of_side(self.side) {
            match gene.at {
                At::Stack { .. } => {}
                _ if gene.part == Part::Experts && is_dense => self.needs_experts(gene)?,
                At::Layer { set, .. } => self.read_layers(gene, set, &mut stack.layers)?,
                At::Expert { set, .. } => self.read_experts(gene, set, &mut stack.layers)?,
            }
        }
        for gene in genes::of_side(self.side) {
            if let At::Stack { set, .. } = gene.at {
                set(&mut stack, self.scalar(gene)?);
            }
        }
        Ok(stack)
    }

    /// A gene of the whole stack.
    fn scalar(&self, gene: &Gene) -> Result<usize> {
        let value = self.value(gene.name).ok_or_else(|| missing(&gene.key(self.side)))?;
        self.number(gene, value)
    }

    /// A gene of each layer.
    fn read_layers(&self, gene: &Gene, set: fn(&mut Layer, usize), layers: &mut [Layer]) -> Result<()> {
        let values = match self.value(gene.name) {
            None if gene.json == InJson::Required => return Err(missing(&gene.key(self.side))),
            None => return Ok(()),
            Some(Value::Array(values)) => {
                self.of_all_layers(gene, values.len())?;
                let values = values.iter().map(|value| self.number(gene, value));
                values.collect::<Result<_>>()?
            }
            Some(value) => vec![self.number(gene, value)?; layers.len()],
        };
        for (layer, value) in layers.iter_mut().zip(values) {
            set(layer, value);
        }
        Ok(())
    }

    /// A gene of each expert of each layer: a list of sizes for each layer.
    fn read_experts(&self, gene: &Gene, set: fn(&mut Layer, usize, usize), layers: &mut [Layer]) -> Result<()> {
        let Some(value) = self.value(gene.name) else {
            return Ok(());
        };
        let lists = value.as_array().ok_or_else(|| self.fault(gene, "expected a list of sizes for each layer"))?;
        self.of_all_layers(gene, lists.len())?;
        for (index, (layer, list)) in layers.iter_mut().zip(lists).enumerate() {
            let list = list.as_array().map_or(&[][..], Vec::as_slice);
            let count = layer.expert_count();
            if list.len() != count {
                let found = list.len();
                let needs =
                    format!("layer {} has {count} experts and needs a list of as many sizes, not {found}", index + 1);
                return Err(self.fault(gene, needs));
            }
            for (expert, size) in list.iter().enumerate() {
                set(layer, expert, self.number(gene, size)?);
            }
        }
        Ok(())
    }

    /// Refuses a gene of a dense stack that only experts can have.
    fn needs_experts(&self, gene: &Gene) -> Result<()> {
        let shapes_experts = [EACH_EXPERT_FFN_DIM, STD_VS_DUMMY_EXPERTS].contains(&gene.name);
        if shapes_experts && self.value(gene.name).is_some() {
            let needed = format!("needs {}_{N_EXPERTS}, which is missing", self.side.name());
            return Err(self.fault(gene, needed));
        }
        Ok(())
    }

    fn of_all_layers(&self, gene: &Gene, length: usize) -> Result<()> {
        if length == self.layers {
            return Ok(());
        }
        let message = format!("{length} values for {} layers", self.layers);
        Err(self.fault(gene, message))
    }

    fn number(&self, gene: &Gene, value: &Value) -> Result<usize> {
        gene.values.read_json(value).map_err(|message| self.fault(gene, message))
    }

    /// The gene as it was given; a missing gene and an empty list are the same.
    fn value(&self, gene: &str) -> Option<&'a Value> {
        let value = self.genes.get(&format!("{}_{gene}", self.side.name()))?;
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        (!is_empty).then_some(value)
    }

    fn fault(&self, gene: &Gene, message: impl std::fmt::Display) -> Error {
        Error::input(message).at(gene.key(self.side))
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::input(format!("{what} must be a JSON object with named values")))
}

fn missing(key: &str) -> Error {
    Error::input(format!("\"{key}\" is missing"))
}

fn keys_of(side: Side) -> Vec<String> {
    genes::in_order_of_suggestion(side).into_iter().map(|gene| gene.key(side)).collect()
}

fn known_keys(map: &Map<String, Value>, known: &[String]) -> Result<()> {
    let Some(key) = map.keys().find(|key| !known.contains(key)) else {
        return Ok(());
    };
    let nearest = known
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)))
        .map_or(String::new(), |nearest| format!("; did you mean \"{nearest}\"?"));
    Err(Error::input(format!("unknown key \"{key}\"{nearest}")))
}

fn print_stack(side: Side, stack: &Stack) -> Value {
    let mut genes = Map::new();
    for gene in genes::in_order_of_printing(side) {
        let value = print(gene, stack);
        let is_printed = match gene.json {
            InJson::Required | InJson::Printed => true,
            InJson::Unless(common) => value != Value::from(vec![gene.values.write(common); stack.layers.len()]),
            InJson::IfFractional => stack.layers.iter().any(is_fractional),
            InJson::OnlyRead => false,
        };
        if is_printed {
            genes.insert(gene.key(side), value);
        }
    }
    Value::Object(genes)
}

/// Whether an expert of the layer has another size than its `ffn_embed_dim`.
fn is_fractional(layer: &Layer) -> bool {
    let experts = layer.experts.as_ref();
    experts.is_some_and(|experts| experts.ffn_dims.iter().any(|&size| size != layer.ffn_embed_dim))
}

fn print(gene: &Gene, stack: &Stack) -> Value {
    let write = |value| Value::from(gene.values.write(value));
    let layers = stack.layers.iter();
    match gene.at {
        At::Stack { get, .. } => write(get(stack)),
        At::Layer { get, .. } => layers.map(|layer| write(get(layer).unwrap_or(0))).collect(),
        At::Expert { get, .. } => {
            let experts = |layer: &Layer| -> Value {
                (0..layer.expert_count()).filter_map(|expert| get(layer, expert)).map(write).collect()
            };
            layers.map(experts).collect()
        }
    }
}

#[cfg(test)]
mod tests;
