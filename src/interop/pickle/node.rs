//! What a pickle holds: objects that refer to each other.

use crate::error::{Error, Result};
use crate::run::dtype::Dtype;

/// The longest pickle read, in bytes. Weights lie outside the pickle, so that real ones are far smaller.
pub const MAX_BYTES: u64 = 64 << 20;
/// The most objects, references between them and stack entries that one pickle may make in all.
pub const MAX_CELLS: usize = 1 << 20;
/// How deep containers may be nested.
pub const MAX_DEPTH: usize = 100;

/// A node of one [`Pickle`]; meaningless to any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

/// One object of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer; those past 128 bits are refused.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string; also a `torch` data type (as `torch.float32`).
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<NodeId>),
    /// A tuple.
    Tuple(Vec<NodeId>),
    /// A set or frozen set, in the order of the file.
    Set(Vec<NodeId>),
    /// A dictionary or `OrderedDict`, in the order of the file; of equal keys the last one counts.
    Dict(Vec<(NodeId, NodeId)>),
    /// An object with plain attributes, such as `argparse.Namespace`.
    Object(Vec<(NodeId, NodeId)>),
    /// A known class or function that is named but not called.
    Known(Known),
    /// Where a tensor's elements lie.
    Storage(Storage),
    /// A tensor (or parameter).
    Tensor(Tensor),
}

/// The names that a pickle may use, by what calling them builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`.
    RebuildParameter,
    /// `torch.FloatStorage` and its like.
    Storage(Dtype),
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `collections.defaultdict`: a dictionary.
    DefaultDict,
    /// `argparse.Namespace`, and what fairseq's trainer leaves in checkpoints: its meters, settings and their enumerations (whose
    /// one argument stands for them), and omegaconf's nodes.
    Object,
    /// Types and numpy's values: they may be there, and nothing in them is read.
    Opaque,
    /// `set` and `frozenset`.
    Set,
    /// `bytes`, by which protocol 2 writes empty bytes only.
    Bytes,
    /// `_codecs.encode`, by which protocol 2 writes bytes as a Latin-1 string.
    Encode,
    /// `torch.Size` and `torch.device`: their first argument stands for them.
    FirstArgument,
}

/// A run of elements outside the pickle, named by a persistent id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Type of the elements.
    pub dtype: Dtype,
    /// The storage's name in its file.
    pub key: String,
    /// Number of elements.
    pub elements: u64,
}

/// A view of a storage. Always lies within the storage's declared elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The node of the [`Storage`] with the elements.
    pub storage: NodeId,
    /// Index of the first element.
    pub offset: usize,
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// Distance, in elements of the storage, between neighbours along each dimension.
    pub strides: Vec<usize>,
}

/// A pickle that was read: no cycles, and no deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone)]
pub struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

impl Pickle {
    /// The pickled object.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The object `id` of this pickle.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Every storage that the pickle names, in the order of the file.
    pub fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    /// The storage of a tensor of this pickle.
    pub fn storage_of(&self, tensor: &Tensor) -> &Storage {
        match self.node(tensor.storage) {
            Node::Storage(storage) => storage,
            other => unreachable!("a tensor is only built on a storage, not on {other:?}"),
        }
    }

    /// The keys and values of a dictionary, or the names and attributes of an object.
    pub fn entries(&self, id: NodeId) -> Option<&[(NodeId, NodeId)]> {
        match self.node(id) {
            Node::Dict(entries) | Node::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The string `id`.
    pub fn str(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value under the string `key` of a dictionary or object.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let mut entries = self.entries(id)?.iter().rev();
        entries.find(|(name, _)| self.str(*name) == Some(key)).map(|(_, value)| *value)
    }

    /// Refuses cycles and nesting past [`MAX_DEPTH`], without recursion.
    pub(super) fn check_depth(&self) -> Result<()> {
        // Height of each finished node: 1 above its highest child. A node on the path has none yet.
        let mut heights: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut on_path = vec![false; self.nodes.len()];
        let mut path = vec![(self.root, 0)];
        on_path[self.root.0] = true;
        while let Some((id, next)) = path.last_mut() {
            let id = *id;
            if let Some(child) = self.child(id, *next) {
                *next += 1;
                if on_path[child.0] {
                    return Err(Error::input("the pickle contains itself (a cycle)"));
                }
                if heights[child.0].is_none() {
                    on_path[child.0] = true;
                    path.push((child, 0));
                }
            } else {
                let children = (0..*next).filter_map(|index| self.child(id, index));
                let height = 1 + children.filter_map(|child| heights[child.0]).max().unwrap_or(0);
                if height > MAX_DEPTH {
                    return Err(too_deep());
                }
                heights[id.0] = Some(height);
                on_path[id.0] = false;
                path.pop();
            }
            if path.len() > MAX_DEPTH {
                return Err(too_deep());
            }
        }
        Ok(())
    }

    /// The `index`th object that `id` refers to.
    fn child(&self, id: NodeId, index: usize) -> Option<NodeId> {
        match self.node(id) {
            Node::List(items) | Node::Tuple(items) | Node::Set(items) => items.get(index).copied(),
            Node::Dict(entries) | Node::Object(entries) => {
                let (key, value) = *entries.get(index / 2)?;
                Some(if index.is_multiple_of(2) { key } else { value })
            }
            _ => None,
        }
    }
}

fn too_deep() -> Error {
    Error::input(format!("the pickle is nested more than {MAX_DEPTH} deep"))
}
