//! What calling the known names builds.

use super::machine::Machine;
use super::node::{Known, Node, NodeId, Storage, Tensor};
use crate::error::Result;
use std::io::Read;

/// More dimensions than any tensor of interest has.
const MAX_DIMENSIONS: usize = 16;
/// Where omegaconf's nodes keep what they hold.
pub const OMEGACONF_VALUES: [&str; 2] = ["_content", "_val"];

impl<R: Read> Machine<'_, R> {
    /// Calls the known name `callee` with the tuple `arguments`; the node of what it builds.
    pub(super) fn call(&mut self, callee: NodeId, arguments: NodeId) -> Result<NodeId> {
        let (Node::Known(known), Node::Tuple(arguments)) = (self.node(callee), self.node(arguments)) else {
            return Err(self.error("calls something that is not on the list of known classes"));
        };
        let (known, arguments) = (*known, arguments.clone());
        self.spend(arguments.len())?;
        let node = match (known, arguments.as_slice()) {
            (Known::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                Node::Tensor(self.tensor(*storage, *offset, *shape, *strides)?)
            }
            (Known::RebuildParameter, [tensor, ..]) if matches!(self.node(*tensor), Node::Tensor(_)) => {
                return Ok(*tensor);
            }
            (Known::FirstArgument, [first, ..]) => return Ok(*first),
            (Known::OrderedDict, []) => Node::Dict(Vec::new()),
            (Known::OrderedDict, [items]) => Node::Dict(self.pairs(*items)?),
            (Known::DefaultDict, [] | [_]) => Node::Dict(Vec::new()),
            (Known::Object, []) => Node::Object(Vec::new()),
            (Known::Object, [value]) => return Ok(*value),
            (Known::Opaque, _) => return Ok(callee),
            (Known::Set, []) => Node::Set(Vec::new()),
            (Known::Set, [items]) => Node::Set(self.items(*items)?),
            (Known::Bytes, []) => Node::Bytes(Vec::new()),
            (Known::Encode, [text, encoding]) => Node::Bytes(self.latin1(*text, *encoding)?),
            _ => {
                return Err(self.error(format!("calls {known:?} with arguments that it does not take")));
            }
        };
        self.add(node)
    }

    /// Gives `state` to the object that was just built: `BUILD`. Of an omegaconf node only the value is kept, for it names the
    /// node that it is in as well.
    pub(super) fn build(&mut self, target: NodeId, state: NodeId) -> Result<()> {
        if matches!(self.node(target), Node::Known(Known::Opaque)) {
            return Ok(());
        }
        let entries = match self.node(state) {
            Node::Dict(entries) => entries.clone(),
            _ => {
                return Err(self.error("sets an object's state to something other than a dictionary"));
            }
        };
        let is_value = |(name, _): &&(NodeId, NodeId)| match self.node(*name) {
            Node::Str(name) => OMEGACONF_VALUES.contains(&name.as_str()),
            _ => false,
        };
        let value = entries.iter().find(is_value).copied();
        let entries = value.map_or(entries, |value| vec![value]);
        self.spend(2 * entries.len())?;
        match self.node_mut(target) {
            Node::Object(attributes) => attributes.extend(entries),
            // Attributes of an `OrderedDict`, such as a state dict's `_metadata`, are of no use here.
            Node::Dict(_) => {}
            _ => return Err(self.error("sets the state of something that has none")),
        }
        Ok(())
    }

    /// The storage that the persistent id `('storage', class, key, location, elements, …)` names.
    pub(super) fn storage(&mut self, id: NodeId) -> Result<NodeId> {
        let storage = self.read_storage(id);
        let storage = storage.ok_or_else(|| self.error("names a storage in a form that is not known"))?;
        self.spend(storage.key.len() / size_of::<Node>())?;
        self.add(Node::Storage(storage))
    }

    fn read_storage(&self, id: NodeId) -> Option<Storage> {
        let Node::Tuple(parts) = self.node(id) else {
            return None;
        };
        let (&[kind, class, key, _location, elements], view) = parts.split_first_chunk()?;
        // The sixth part, in old files, makes the storage a view of another one; `None` in all but the oldest.
        if view.len() > 1 || view.iter().any(|view| *self.node(*view) != Node::None) {
            return None;
        }
        match [kind, class, key, elements].map(|part| self.node(part)) {
            [Node::Str(kind), Node::Known(Known::Storage(dtype)), Node::Str(key), Node::Int(elements)]
                if kind == "storage" =>
            {
                Some(Storage { dtype: *dtype, key: key.clone(), elements: (*elements).try_into().ok()? })
            }
            _ => None,
        }
    }

    fn tensor(&self, storage: NodeId, offset: NodeId, shape: NodeId, strides: NodeId) -> Result<Tensor> {
        let Node::Storage(Storage { elements, .. }) = self.node(storage) else {
            return Err(self.error("builds a tensor on something that is not a storage"));
        };
        let view = || {
            let tensor = Tensor {
                storage,
                offset: self.size(offset)?,
                shape: self.sizes(shape)?,
                strides: self.sizes(strides)?,
            };
            within(&tensor, *elements).then_some(tensor)
        };
        view().ok_or_else(|| self.error("builds a tensor whose shape does not fit its storage"))
    }

    fn size(&self, id: NodeId) -> Option<usize> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: NodeId) -> Option<Vec<usize>> {
        match self.node(id) {
            Node::Tuple(items) if items.len() <= MAX_DIMENSIONS => items.iter().map(|item| self.size(*item)).collect(),
            _ => None,
        }
    }

    fn items(&mut self, id: NodeId) -> Result<Vec<NodeId>> {
        let items = match self.node(id) {
            Node::List(items) | Node::Tuple(items) => items.clone(),
            _ => return Err(self.error("builds a container from something other than a list")),
        };
        self.spend(items.len())?;
        Ok(items)
    }

    fn pairs(&mut self, id: NodeId) -> Result<Vec<(NodeId, NodeId)>> {
        let items = self.items(id)?;
        let pair = |item: &NodeId| match self.node(*item) {
            Node::Tuple(parts) | Node::List(parts) => <[NodeId; 2]>::try_from(parts.as_slice()).ok(),
            _ => None,
        };
        let pairs: Option<Vec<_>> = items.iter().map(|item| pair(item).map(|[k, v]| (k, v))).collect();
        pairs.ok_or_else(|| self.error("builds a dictionary from something other than pairs"))
    }

    fn latin1(&mut self, text: NodeId, encoding: NodeId) -> Result<Vec<u8>> {
        let bytes = match (self.node(text), self.node(encoding)) {
            (Node::Str(text), Node::Str(encoding)) if encoding == "latin1" || encoding == "latin-1" => {
                text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>()
            }
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| self.error("encodes text other than as Latin-1"))?;
        self.spend(bytes.len() / size_of::<Node>())?;
        Ok(bytes)
    }
}

/// Whether every element of `tensor` lies within its storage's `elements`.
fn within(tensor: &Tensor, elements: u64) -> bool {
    let Tensor { offset, shape, strides, .. } = tensor;
    if shape.len() != strides.len() {
        return false;
    }
    let count = shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(*offset, |last, (size, stride)| last.checked_add(size.saturating_sub(1).checked_mul(*stride)?));
    match (count, last) {
        (Some(0), Some(_)) => true,
        (Some(_), Some(last)) => (last as u64) < elements,
        _ => false,
    }
}
