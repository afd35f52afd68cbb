//! Checkpoints of fairseq and of what builds on it (HAT, the reference): a dictionary with the model's state dict under
//! `model` and the settings under `args` (all of the command line's), `cfg` (in groups, since 2020), or both.

use super::NamedTensor;
use super::pickle::{MAX_CELLS, Node, NodeId, OMEGACONF_VALUES, Pickle};
use super::torch::TorchFile;
use crate::error::{Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

/// A model of fairseq; the rest of its checkpoint (optimizer, meters, position in the data) is not read.
#[derive(Debug, Clone, PartialEq)]
pub struct FairseqCheckpoint {
    /// The weights under the file's names, in order of name.
    pub tensors: Vec<NamedTensor>,
    /// The settings under `args`, as JSON. Those that are not plain data (tensors, bytes) are left out; tuples and sets become
    /// arrays, and numbers that JSON lacks become strings (`"inf"`). Empty if the file has none.
    pub args: BTreeMap<String, Value>,
    /// The groups of settings under `cfg`, in the same way; null if the file has none.
    pub cfg: Value,
}

impl FairseqCheckpoint {
    /// Reads the checkpoint at `path`, or a bare state dict.
    ///
    /// # Errors
    /// If the file is not one of PyTorch's, or its model is not a state dict.
    pub fn load(path: &Path) -> Result<Self> {
        Self::read(&mut TorchFile::open(path)?).map_err(|error| error.at(path.display()))
    }

    /// As [`FairseqCheckpoint::load`], from an open file.
    ///
    /// # Errors
    /// If the model is not a state dict, or its weights cannot be read.
    pub fn read<R: Read + Seek>(file: &mut TorchFile<R>) -> Result<Self> {
        let object = file.object();
        let model = object.get(object.root(), "model").unwrap_or(object.root());
        let args = match object.get(object.root(), "args") {
            Some(args) => plain_entries(object, args)?,
            None => BTreeMap::new(),
        };
        let cfg = match object.get(object.root(), "cfg") {
            Some(cfg) => whole(object, cfg, "cfg")?.unwrap_or_default(),
            None => Value::Null,
        };
        let tensors = file.state_dict(model)?;
        let tensors = file.load(&tensors)?;
        Ok(Self { tensors, args, cfg })
    }
}

/// The attributes of an `argparse.Namespace`, or the entries of a dictionary.
fn plain_entries(object: &Pickle, args: NodeId) -> Result<BTreeMap<String, Value>> {
    match whole(object, args, "args")? {
        Some(Value::Object(entries)) => Ok(entries.into_iter().collect()),
        _ => Ok(BTreeMap::new()),
    }
}

/// The settings `id` as JSON, if they are plain data.
fn whole(object: &Pickle, id: NodeId, name: &str) -> Result<Option<Value>> {
    let mut left = MAX_CELLS;
    let plain = plain(object, id, &mut left);
    match left {
        0 => Err(Error::input(format!("its settings (`{name}`) have more than {MAX_CELLS} values"))),
        _ => Ok(plain),
    }
}

/// The object `id` as JSON, if it is plain data; entries of dictionaries that are not are left out. Objects may be shared, so
/// what is written out counts against `left`; recursion is safe because a pickle's depth is bounded.
fn plain(object: &Pickle, id: NodeId, left: &mut usize) -> Option<Value> {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return None;
    }
    Some(match object.node(id) {
        Node::None => Value::Null,
        Node::Bool(value) => (*value).into(),
        Node::Int(value) => i64::try_from(*value).ok()?.into(),
        Node::Float(value) if value.is_finite() => (*value).into(),
        Node::Float(value) => value.to_string().into(),
        Node::Str(text) => {
            *left = left.saturating_sub(text.len() / size_of::<Value>());
            text.as_str().into()
        }
        Node::List(items) | Node::Tuple(items) | Node::Set(items) => {
            let items = items.iter().map(|item| plain(object, *item, left));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Node::Object(entries) if let Some(value) = omegaconf_value(object, entries) => {
            return plain(object, value, left);
        }
        Node::Dict(entries) | Node::Object(entries) => {
            let mut map = serde_json::Map::new();
            for (key, value) in entries {
                let key = match object.node(*key) {
                    Node::Str(key) => key.clone(),
                    Node::Int(key) => key.to_string(),
                    _ => continue,
                };
                *left = left.saturating_sub(key.len() / size_of::<Value>());
                if let Some(value) = plain(object, *value, left) {
                    map.insert(key, value);
                }
            }
            // A dictionary of which nothing is plain data is none.
            return (!map.is_empty() || entries.is_empty()).then_some(Value::Object(map));
        }
        Node::Bytes(_) | Node::Known(_) | Node::Storage(_) | Node::Tensor(_) => return None,
    })
}

/// What an omegaconf node with these attributes holds.
fn omegaconf_value(object: &Pickle, attributes: &[(NodeId, NodeId)]) -> Option<NodeId> {
    match attributes {
        [(name, value)] => object.str(*name).is_some_and(|name| OMEGACONF_VALUES.contains(&name)).then_some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::pickle;

    /// The settings of `argparse.Namespace(a=…)`, the value given as a pickle's `body`.
    fn settings(body: &[u8]) -> Result<BTreeMap<String, Value>> {
        let bytes = [b"cargparse\nNamespace\n)\x81}\x8c\x01a", body, b"sb."].concat();
        let object = pickle::parse(&mut bytes.as_slice(), bytes.len() as u64)?;
        plain_entries(&object, object.root())
    }

    #[test]
    fn settings_that_are_not_plain_data_are_left_out() {
        assert_eq!(settings(b"K\x05").expect("read")["a"], 5);
        for body in [&b"C\x01x"[..], b"ctorch\nFloatStorage\n", b"](K\x01C\x01xe", b"}NK\x01s"] {
            assert_eq!(settings(body).expect("read").len(), 0);
        }
    }

    #[test]
    fn settings_that_multiply_when_written_out_are_refused() {
        let tuples = |levels| [&b"N"[..], &b"2\x86".repeat(levels)].concat();
        assert_eq!(settings(&tuples(10)).expect("read").len(), 1);
        let error = settings(&tuples(60)).expect_err("2^60 values").to_string();
        assert!(error.contains("more than"), "{error}");
        // One long string many times over.
        let mut body = b"](X\x00\x00\x10\x00".to_vec();
        body.extend(vec![b'x'; 1 << 20]);
        body.extend(b"q\x00");
        body.extend(b"h\x00".repeat(1000));
        body.push(b'e');
        settings(&body).expect_err("a gigabyte");
    }
}
