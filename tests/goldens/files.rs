//! Reading a folder of recordings.

use crate::shared::goldens;
use automoe::config::Tables;
use automoe::interop::names::to_native;
use automoe::interop::safetensors::read_safetensors;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::{Supernet, TransformerConfig, Value};
use automoe::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use burn::tensor::Device;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folders of recordings: the one that is checked in, which `cut.py` made, and that of all where it is there.
pub fn folders(test: &str) -> Vec<PathBuf> {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/small");
    [small].into_iter().chain(goldens(test)).collect()
}

/// The devices to compare on, with the factor by which errors may be larger than on the CPU.
pub fn devices() -> Vec<(&'static str, Device, f64)> {
    let devices = crate::devices::devices("goldens on vulkan").into_iter();
    devices.map(|(name, device)| (name, device, if name == "cpu" { 1.0 } else { 10.0 })).collect()
}

/// The recordings in `folder` of which `is_one` is true, by name; a printed line where there is none. Folders of other
/// recordings need not have the names, nor all the kinds, of ours.
pub fn recordings(folder: &Path, test: &str, is_one: impl Fn(&Json) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let is_one = |path: &PathBuf| is_one(&serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap());
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    let mut names: Vec<String> = files.filter(is_one).map(name).collect();
    names.sort();
    if names.is_empty() {
        println!("{test}: skipped, {} has no recording of this kind", folder.display());
    }
    names
}

/// The mean and the worst of many errors. One that is not a number is the worst.
#[derive(Default)]
pub struct Errors {
    sum: f64,
    count: usize,
    worst: f64,
}

impl Errors {
    pub fn add(&mut self, error: f64) {
        let error = if error.is_nan() { f64::INFINITY } else { error };
        self.sum += error;
        self.count += 1;
        self.worst = self.worst.max(error);
    }

    /// That there are errors, and their mean is not above `limit`.
    pub fn assert_mean_within(&self, limit: f64, what: &str) {
        assert!(
            self.count > 0 && self.sum / self.count as f64 <= limit,
            "{what}: {self} where a mean of {limit:.1e} is allowed"
        );
    }

    /// That there are errors, none of them above `limit`.
    pub fn assert_within(&self, limit: f64, what: &str) {
        assert!(self.count > 0 && self.worst <= limit, "{what}: {self} where {limit:.1e} is allowed");
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mean {:.1e}, worst {:.1e} of {}", self.sum / self.count.max(1) as f64, self.worst, self.count)
    }
}

/// One recording: figures, and the model they were recorded from.
pub struct Recording {
    pub json: Json,
    pub supernet: Supernet,
}

/// Reads `NAME.json` and `NAME.safetensors`.
pub fn read(folder: &Path, name: &str, device: &Device) -> Recording {
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    let tensors = to_native(read_safetensors(&folder.join(format!("{name}.safetensors"))).unwrap()).unwrap();
    let tensors: HashMap<String, _> = tensors.into_iter().map(|t| (t.name.clone(), t)).collect();
    let table = &tensors["encoder.embed_tokens"].shape;
    // Positions are those of the supernet's width, though its weights were cut down to a subnet's.
    let supernet_dim = |own: usize| json["supernet"]["embed_dim"].as_u64().map_or(own, |width| width as usize);
    let (tables, target_vocab) = match (tensors.get("decoder.embed_tokens"), tensors.get("decoder.embed_out")) {
        (None, _) => (Tables::Shared, table[0]),
        (Some(decoder), None) => (Tables::Tied, decoder.shape[0]),
        (Some(decoder), Some(_)) => (Tables::Separate, decoder.shape[0]),
    };
    let config = TransformerConfig {
        architecture: supernet_architecture(|name| tensors.get(name).map(|t| t.shape.clone())),
        qkv_dim: tensors["encoder.layers.0.self_attn.in_proj.weight"].shape[0] / 3,
        source_vocab: table[0],
        target_vocab,
        tables,
        encoder_supernet_dim: supernet_dim(table[1]),
        decoder_supernet_dim: supernet_dim(tensors["decoder.layers.0.self_attn.in_proj.weight"].shape[1]),
        dropout: 0.0,
        attention_dropout: 0.0,
        activation_dropout: 0.0,
        expert_dropout_ratio: 1.0,
        capacity_factor: 0.0,
    };
    let supernet = Supernet::from_source(config, Arc::new(LeadingSlice), device, |name, shape| {
        let tensor = &tensors[name];
        assert_eq!(tensor.shape, shape, "{name}");
        Ok(Value::from_vec(tensor.data.clone(), shape, device))
    });
    Recording { json, supernet: supernet.unwrap() }
}

/// The supernet's own shape, read off its parameters'.
fn supernet_architecture(shape: impl Fn(&str) -> Option<Vec<usize>>) -> Architecture {
    let stack = |stack: &str| {
        let embed_dim = shape(&format!("{stack}.layers.0.self_attn.in_proj.weight")).unwrap()[1];
        let layer = |i: usize| {
            shape(&format!("{stack}.layers.{i}.self_attn.in_proj.weight"))?;
            let ffn = |path: String| shape(&format!("{stack}.layers.{i}.{path}.fc1.weight")).map(|s| s[0]);
            let ffn_dims: Vec<usize> = (0..).map_while(|e| ffn(format!("moe.experts.{e}"))).collect();
            Some(Layer {
                self_attention_heads: 1,
                cross_attention: (stack == "decoder").then_some(CrossAttention { heads: 1, encoder_layers: 1 }),
                ffn_embed_dim: ffn("ffn".into()).unwrap_or_else(|| ffn_dims[0]),
                experts: (!ffn_dims.is_empty()).then_some(Experts { ffn_dims, top_k: 1 }),
                ..Layer::default()
            })
        };
        Stack { embed_dim, layers: (0..).map_while(layer).collect() }
    };
    Architecture { encoder: stack("encoder"), decoder: stack("decoder") }
}

/// A recorded batch's padded ids.
pub struct Ids {
    pub rows: usize,
    pub ids: Vec<u32>,
}

pub fn ids(json: &Json) -> Ids {
    let rows = json.as_array().unwrap();
    let ids = rows.iter().flat_map(|row| row.as_array().unwrap()).map(|id| id.as_u64().unwrap() as u32);
    Ids { rows: rows.len(), ids: ids.collect() }
}

/// All numbers of nested lists, in order.
pub fn numbers(json: &Json) -> Vec<f64> {
    match json {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}
