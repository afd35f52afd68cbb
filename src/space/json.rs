//! The JSON form of an [`Architecture`]: the reference's gene names, read leniently and printed in one normal form.
//!
//! Reading cuts lists that are longer than the number of layers (or of experts), takes one number for a gene that is the
//! same in every layer, and fills in what is missing: no `*_n_experts` is a dense stack, a layer with 0 experts is a dense
//! layer, one expert is routed to, cross-attention sees the last encoder layer, nothing is dropped. Printing writes
//! `*_each_expert_ffn_dim` only for a stack with a layer whose experts differ from its `*_ffn_embed_dim`, an identity
//! expert as size 0, and the drop genes only where something is dropped; so equal models print equally.

use super::architecture::{Architecture, CrossAttention, Experts, Layer, MAX_EXPERTS, MAX_LAYERS, Stack};
use crate::error::{Error, Result, refuse};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Genes of both stacks, without their prefix.
const STACK_GENES: [&str; 10] = [
    "embed_dim",
    "layer_num",
    "ffn_embed_dim",
    "self_attention_heads",
    "n_experts",
    "num_experts_to_route",
    "each_expert_ffn_dim",
    "std_vs_dummy_experts",
    "drop_mha_sublayer",
    "drop_ffn_sublayer",
];

/// Genes of the decoder alone, without its prefix.
const CROSS_GENES: [&str; 2] = ["ende_attention_heads", "arbitrary_ende_attn"];

impl Architecture {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Text that is not JSON, an unknown or missing key, a list that is too short, a value that makes no model.
    pub fn from_json(text: &str) -> Result<Self> {
        let value =
            serde_json::from_str(text).map_err(|error| Error::input(format!("not a JSON architecture: {error}")))?;
        Self::from_value(&value)
    }

    /// As [`Self::from_json`], for JSON that is already parsed.
    pub fn from_value(value: &Value) -> Result<Self> {
        let parts = object(value, "an architecture")?;
        known_keys(parts, &["encoder".into(), "decoder".into()])?;
        let part = |name: &str| {
            let part = parts.get(name).ok_or_else(|| missing(name))?;
            object(part, name)
        };
        let architecture = Self {
            encoder: StackReader::new("encoder", part("encoder")?)?.read()?,
            decoder: StackReader::new("decoder", part("decoder")?)?.read()?,
        };
        refuse(&architecture.validate())?;
        Ok(architecture)
    }

    /// The JSON form as a value: the same for equal architectures.
    pub fn to_value(&self) -> Value {
        json!({
            "encoder": print_stack("encoder", &self.encoder),
            "decoder": print_stack("decoder", &self.decoder),
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
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(serde::de::Error::custom)
    }
}

/// One stack's object while it is being read.
struct StackReader<'a> {
    side: &'static str,
    genes: &'a Map<String, Value>,
    layers: usize,
}

impl<'a> StackReader<'a> {
    fn new(side: &'static str, genes: &'a Map<String, Value>) -> Result<Self> {
        known_keys(genes, &keys_of(side))?;
        let mut reader = Self { side, genes, layers: 0 };
        reader.layers = reader.scalar("layer_num")?;
        if !(1..=MAX_LAYERS).contains(&reader.layers) {
            let message = format!("{} is not between 1 and {MAX_LAYERS}", reader.layers);
            return Err(reader.fault("layer_num", message));
        }
        Ok(reader)
    }

    fn read(&self) -> Result<Stack> {
        let ffn = self.required("ffn_embed_dim")?;
        let heads = self.required("self_attention_heads")?;
        let cross = self.cross_attention()?;
        let experts = self.experts(&ffn)?;
        let keep_attention = self.flags("drop_mha_sublayer")?;
        let keep_ffn = self.flags("drop_ffn_sublayer")?;
        let layers = cross.into_iter().zip(experts).enumerate();
        Ok(Stack {
            embed_dim: self.scalar("embed_dim")?,
            layers: layers
                .map(|(i, (cross_attention, experts))| Layer {
                    self_attention_heads: heads[i],
                    cross_attention,
                    ffn_embed_dim: ffn[i],
                    experts,
                    keep_attention: keep_attention[i],
                    keep_ffn: keep_ffn[i],
                })
                .collect(),
        })
    }

    fn cross_attention(&self) -> Result<Vec<Option<CrossAttention>>> {
        if self.side == "encoder" {
            return Ok(vec![None; self.layers]);
        }
        let gene = "arbitrary_ende_attn";
        let seen = match self.per_layer(gene, |value| match value.as_i64() {
            Some(-1) => Ok(1),
            Some(1) => Ok(2),
            Some(2) => Ok(3),
            _ => Err(self.fault(gene, format!("expected -1, 1 or 2, found {value}"))),
        })? {
            Some(seen) => seen,
            None => vec![1; self.layers],
        };
        let heads = self.required("ende_attention_heads")?;
        let pairs = heads.into_iter().zip(seen);
        Ok(pairs.map(|(heads, encoder_layers)| Some(CrossAttention { heads, encoder_layers })).collect())
    }

    fn experts(&self, ffn: &[usize]) -> Result<Vec<Option<Experts>>> {
        let Some(counts) = self.numbers("n_experts")? else {
            for gene in ["each_expert_ffn_dim", "std_vs_dummy_experts"] {
                if self.value(gene).is_some() {
                    let needed = format!("needs {}_n_experts, which is missing", self.side);
                    return Err(self.fault(gene, needed));
                }
            }
            return Ok(vec![None; self.layers]);
        };
        if let Some(count) = counts.iter().find(|&&count| count > MAX_EXPERTS) {
            let message = format!("{count} experts are more than {MAX_EXPERTS}");
            return Err(self.fault("n_experts", message));
        }
        let routes = self.numbers("num_experts_to_route")?;
        let sizes = self.expert_sizes(&counts)?;
        let first_is_network = self.flags("std_vs_dummy_experts")?;
        let layer = |i: usize| {
            if counts[i] == 0 {
                return None;
            }
            let mut ffn_dims = match &sizes {
                Some(sizes) => sizes[i].clone(),
                None => vec![ffn[i]; counts[i]],
            };
            if !first_is_network[i] {
                ffn_dims[0] = 0;
            }
            let route = routes.as_ref().map_or(1, |routes| routes[i]);
            Some(Experts { top_k: route.min(counts[i]), ffn_dims })
        };
        Ok((0..self.layers).map(layer).collect())
    }

    /// `*_each_expert_ffn_dim`, cut to the layers and the experts in use.
    fn expert_sizes(&self, counts: &[usize]) -> Result<Option<Vec<Vec<usize>>>> {
        let gene = "each_expert_ffn_dim";
        let Some(Value::Array(lists)) = self.value(gene) else {
            return match self.value(gene) {
                Some(_) => Err(self.fault(gene, "expected a list of sizes for each layer")),
                None => Ok(None),
            };
        };
        self.long_enough(gene, lists.len())?;
        let mut sizes = Vec::with_capacity(self.layers);
        for (i, (list, &count)) in lists.iter().zip(counts).enumerate() {
            let list = list.as_array().map_or(&[][..], Vec::as_slice);
            if list.len() < count {
                return Err(
                    self.fault(gene, format!("layer {} has {count} experts and needs a list of as many sizes", i + 1))
                );
            }
            let layer = list[..count].iter().map(|size| self.number(gene, size));
            sizes.push(layer.collect::<Result<_>>()?);
        }
        Ok(Some(sizes))
    }

    /// A gene of the whole stack.
    fn scalar(&self, gene: &str) -> Result<usize> {
        let value = self.value(gene).ok_or_else(|| missing(&self.key(gene)))?;
        self.number(gene, value)
    }

    fn required(&self, gene: &str) -> Result<Vec<usize>> {
        self.numbers(gene)?.ok_or_else(|| missing(&self.key(gene)))
    }

    fn numbers(&self, gene: &str) -> Result<Option<Vec<usize>>> {
        self.per_layer(gene, |value| self.number(gene, value))
    }

    /// A gene that is 0 or 1 in each layer; 1 where it is missing.
    fn flags(&self, gene: &str) -> Result<Vec<bool>> {
        let flags = self.per_layer(gene, |value| match value.as_u64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(self.fault(gene, format!("expected 0 or 1, found {value}"))),
        })?;
        Ok(flags.unwrap_or_else(|| vec![true; self.layers]))
    }

    /// A gene's value in each layer in use; `None` where the gene is missing.
    fn per_layer<T: Clone>(&self, gene: &str, read: impl Fn(&Value) -> Result<T>) -> Result<Option<Vec<T>>> {
        match self.value(gene) {
            None => Ok(None),
            Some(Value::Array(values)) => {
                self.long_enough(gene, values.len())?;
                values[..self.layers].iter().map(read).collect::<Result<_>>().map(Some)
            }
            Some(value) => Ok(Some(vec![read(value)?; self.layers])),
        }
    }

    fn long_enough(&self, gene: &str, length: usize) -> Result<()> {
        if length >= self.layers {
            return Ok(());
        }
        let message = format!("{length} values for {} layers", self.layers);
        Err(self.fault(gene, message))
    }

    fn number(&self, gene: &str, value: &Value) -> Result<usize> {
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| {
            let message = format!("expected a whole number, 0 or more, found {value}");
            self.fault(gene, message)
        })
    }

    /// The gene as it was given; a missing gene and an empty list are the same.
    fn value(&self, gene: &str) -> Option<&'a Value> {
        let value = self.genes.get(&self.key(gene))?;
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        (!is_empty).then_some(value)
    }

    fn key(&self, gene: &str) -> String {
        format!("{}_{gene}", self.side)
    }

    fn fault(&self, gene: &str, message: impl std::fmt::Display) -> Error {
        Error::input(message).at(self.key(gene))
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::input(format!("{what} must be a JSON object with named values")))
}

fn missing(key: &str) -> Error {
    Error::input(format!("\"{key}\" is missing"))
}

fn keys_of(side: &str) -> Vec<String> {
    let cross = CROSS_GENES.iter().filter(|_| side == "decoder");
    let genes = STACK_GENES.iter().chain(cross);
    genes.map(|gene| format!("{side}_{gene}")).collect()
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

fn print_stack(side: &str, stack: &Stack) -> Value {
    let layers = &stack.layers;
    let mut genes = Map::new();
    let mut put = |gene: &str, value: Value| {
        genes.insert(format!("{side}_{gene}"), value);
    };
    let list = |of: &dyn Fn(&Layer) -> Value| layers.iter().map(of).collect::<Value>();

    put("embed_dim", stack.embed_dim.into());
    put("layer_num", layers.len().into());
    put("ffn_embed_dim", list(&|l| l.ffn_embed_dim.into()));
    put("self_attention_heads", list(&|l| l.self_attention_heads.into()));

    let sizes = |layer: &Layer| layer.experts.as_ref().map_or(vec![], |e| e.ffn_dims.clone());
    if layers.iter().any(|layer| layer.experts.is_some()) {
        let top_k = |layer: &Layer| layer.experts.as_ref().map_or(0, |e| e.top_k);
        put("n_experts", list(&|l| sizes(l).len().into()));
        put("num_experts_to_route", list(&|l| top_k(l).into()));
    }
    let is_fractional = |l: &Layer| sizes(l).iter().any(|&size| size != l.ffn_embed_dim);
    if layers.iter().any(is_fractional) {
        put("each_expert_ffn_dim", list(&|l| sizes(l).into()));
    }
    if side == "decoder" {
        let cross: Vec<_> = layers.iter().filter_map(|layer| layer.cross_attention).collect();
        let heads = cross.iter().map(|c| c.heads);
        put("ende_attention_heads", heads.collect());
        let seen = cross.iter().map(|c| arbitrary_ende_attn(c.encoder_layers));
        put("arbitrary_ende_attn", seen.collect());
    }
    let flag = |kept: bool| Value::from(u8::from(kept));
    if layers.iter().any(|layer| !layer.keep_attention) {
        put("drop_mha_sublayer", list(&|l| flag(l.keep_attention)));
    }
    if layers.iter().any(|layer| !layer.keep_ffn) {
        put("drop_ffn_sublayer", list(&|l| flag(l.keep_ffn)));
    }
    Value::Object(genes)
}

/// The gene's value for a number of encoder layers attended to: -1, 1 and 2 for 1, 2 and 3.
pub(super) fn arbitrary_ende_attn(encoder_layers: usize) -> i64 {
    match encoder_layers {
        0 | 1 => -1,
        more => more as i64 - 1,
    }
}

#[cfg(test)]
mod tests;
