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
use crate::error::{Error, Result, refuse_each};
use crate::{json, names};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

impl Architecture {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Text that is not JSON, unknown or missing keys, lists that are too short or too long, values that make no model.
    pub fn from_json(text: &str) -> Result<Self> {
        let value = json::parse(text).map_err(|error| Error::input(format!("not a JSON architecture: {error}")))?;
        Self::from_value(&value)
    }

    /// As [`Self::from_json`], for JSON that is already parsed. All that is wrong is told, a line each; what makes no model,
    /// once all is there.
    pub fn from_value(value: &Value) -> Result<Self> {
        let parts = value.as_object().ok_or_else(|| Error::input(no_object("an architecture")))?;
        let mut faults = unknown_keys(parts, &Side::BOTH.map(|side| side.name().to_owned()));
        let mut stack = |side: Side| match (parts.get(side.name()), parts.get(side.name()).and_then(Value::as_object)) {
            (_, Some(genes)) => StackReader { side, genes, layers: None, faults: &mut faults }.read(),
            (given, None) => {
                faults.push(given.map_or_else(|| missing(side.name()), |_| no_object(side.name())));
                Stack { embed_dim: 0, layers: Vec::new() }
            }
        };
        let architecture = Self { encoder: stack(Side::Encoder), decoder: stack(Side::Decoder) };
        refuse_each(&faults)?;
        refuse_each(&architecture.validate())?;
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
        // Where it is read from has one line for all of them.
        Self::from_value(&value).map_err(|error| serde::de::Error::custom(error.to_string().replace('\n', "; ")))
    }
}

/// One stack's object while it is being read.
struct StackReader<'a> {
    side: Side,
    genes: &'a Map<String, Value>,
    /// How many there are, once that is known.
    layers: Option<usize>,
    faults: &'a mut Vec<String>,
}

impl<'a> StackReader<'a> {
    /// The stack, of use where no fault was found.
    fn read(mut self) -> Stack {
        self.faults.extend(unknown_keys(self.genes, &keys_of(self.side)));
        self.layers = self.scalar(genes::named(LAYER_NUM));
        let mut stack = Stack { embed_dim: 0, layers: vec![Layer::default(); self.layers.unwrap_or(0)] };
        let is_dense = self.value(N_EXPERTS).is_none();
        let mut knows_experts = true;
        for gene in genes::of_side(self.side) {
            let faults = self.faults.len();
            match gene.at {
                At::Stack { .. } if gene.name == LAYER_NUM => {}
                At::Stack { set, .. } => drop(self.scalar(gene).map(|value| set(&mut stack, value))),
                _ if gene.part == Part::Experts && is_dense => self.needs_experts(gene),
                At::Layer { set, .. } => self.read_layers(gene, set, &mut stack.layers),
                At::Expert { set, .. } if knows_experts => self.read_experts(gene, set, &mut stack.layers),
                At::Expert { .. } => {}
            }
            knows_experts &= gene.name != N_EXPERTS || self.faults.len() == faults;
        }
        stack
    }

    /// A gene of the whole stack.
    fn scalar(&mut self, gene: &Gene) -> Option<usize> {
        let Some(value) = self.value(gene.name) else {
            self.faults.push(missing(&gene.key(self.side)));
            return None;
        };
        self.number(gene, value)
    }

    /// A gene of each layer.
    fn read_layers(&mut self, gene: &Gene, set: fn(&mut Layer, usize), layers: &mut [Layer]) {
        let values = match self.value(gene.name) {
            None if gene.json == InJson::Required => return self.faults.push(missing(&gene.key(self.side))),
            None => return,
            Some(Value::Array(values)) => {
                self.of_all_layers(gene, values.len());
                values.iter().filter_map(|value| self.number(gene, value)).collect()
            }
            Some(value) => self.number(gene, value).map_or(Vec::new(), |value| vec![value; layers.len()]),
        };
        for (layer, value) in layers.iter_mut().zip(values) {
            set(layer, value);
        }
    }

    /// A gene of each expert of each layer: a list of sizes for each layer.
    fn read_experts(&mut self, gene: &Gene, set: fn(&mut Layer, usize, usize), layers: &mut [Layer]) {
        let Some(value) = self.value(gene.name) else { return };
        let Some(lists) = value.as_array() else {
            return self.fault(gene, "expected a list of sizes for each layer");
        };
        self.of_all_layers(gene, lists.len());
        for (index, (layer, list)) in layers.iter_mut().zip(lists).enumerate() {
            let (number, count) = (index + 1, layer.expert_count());
            let Some(list) = list.as_array() else {
                self.fault(gene, format!("layer {number}: expected a list of sizes, found {list}"));
                continue;
            };
            if list.len() != count {
                let found = list.len();
                self.fault(
                    gene,
                    format!("layer {number} has {count} experts and needs a list of as many sizes, not {found}"),
                );
                continue;
            }
            for (expert, size) in list.iter().enumerate() {
                if let Some(size) = self.number(gene, size) {
                    set(layer, expert, size);
                }
            }
        }
    }

    /// Refuses a gene of a dense stack that only experts can have.
    fn needs_experts(&mut self, gene: &Gene) {
        let shapes_experts = [EACH_EXPERT_FFN_DIM, STD_VS_DUMMY_EXPERTS].contains(&gene.name);
        if shapes_experts && self.value(gene.name).is_some() {
            let needed = format!("needs {}_{N_EXPERTS}, which is missing", self.side.name());
            self.fault(gene, needed);
        }
    }

    fn of_all_layers(&mut self, gene: &Gene, length: usize) {
        if let Some(layers) = self.layers.filter(|&layers| layers != length) {
            self.fault(gene, format!("{length} values for {layers} layers"));
        }
    }

    fn number(&mut self, gene: &Gene, value: &Value) -> Option<usize> {
        gene.values.read_json(value).map_err(|message| self.fault(gene, message)).ok()
    }

    /// The gene as it was given; a missing gene and an empty list are the same.
    fn value(&self, gene: &str) -> Option<&'a Value> {
        let value = self.genes.get(&format!("{}_{gene}", self.side.name()))?;
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        (!is_empty).then_some(value)
    }

    fn fault(&mut self, gene: &Gene, message: impl std::fmt::Display) {
        self.faults.push(format!("{}: {message}", gene.key(self.side)));
    }
}

fn no_object(what: &str) -> String {
    format!("{what} must be a JSON object with named values")
}

fn missing(key: &str) -> String {
    format!("\"{key}\" is missing")
}

fn keys_of(side: Side) -> Vec<String> {
    genes::in_order_of_suggestion(side).into_iter().map(|gene| gene.key(side)).collect()
}

fn unknown_keys(map: &Map<String, Value>, known: &[String]) -> Vec<String> {
    map.keys().filter(|key| !known.contains(key)).map(|key| names::unknown(key, known)).collect()
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
