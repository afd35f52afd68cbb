//! The pickle's stack machine: opcodes in, nodes out. See Python's `pickletools` for what each opcode means.

use super::input::{Input, quoted};
use super::names::{resolve, unknown};
use super::node::{MAX_BYTES, MAX_CELLS, Node, NodeId, Pickle};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::io::Read;

/// The newest pickle protocol.
const MAX_PROTOCOL: u8 = 5;

/// Reads one pickle, to its end and no further, of at most `limit` bytes ([`MAX_BYTES`] if that is less).
///
/// # Errors
/// One line that says at which byte the pickle is broken, too large, or asks for something that is not plain data.
pub fn parse(reader: &mut impl Read, limit: u64) -> Result<Pickle> {
    let mut machine = Machine {
        input: Input::new(reader, limit.min(MAX_BYTES)),
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        cells: 0,
    };
    loop {
        let opcode = machine.input.byte()?;
        if opcode == b'.' {
            break;
        }
        let known = machine.number(opcode)?
            || machine.text(opcode)?
            || machine.container(opcode)?
            || machine.stack_and_memo(opcode)?
            || machine.object(opcode)?;
        if !known {
            return Err(machine.error(format!("has the opcode {opcode:#04x}, which plain data does not need")));
        }
    }
    let root = machine.pop()?;
    let pickle = Pickle { nodes: machine.nodes, root };
    pickle.check_depth()?;
    Ok(pickle)
}

/// The state of a pickle in the reading.
pub(super) struct Machine<'a, R> {
    input: Input<'a, R>,
    nodes: Vec<Node>,
    stack: Vec<NodeId>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, NodeId>,
    /// What was spent of [`MAX_CELLS`].
    cells: usize,
}

impl<R: Read> Machine<'_, R> {
    /// `None`, booleans, integers and floats.
    fn number(&mut self, opcode: u8) -> Result<bool> {
        let node = match opcode {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'K' => Node::Int(self.input.byte()?.into()),
            b'M' => Node::Int(u16::from_le_bytes(self.input.array()?).into()),
            b'J' => Node::Int(i32::from_le_bytes(self.input.array()?).into()),
            0x8a => {
                let length = self.input.byte()?.into();
                self.long(length)?
            }
            0x8b => {
                let length = u32::from_le_bytes(self.input.array()?).into();
                self.long(length)?
            }
            b'G' => Node::Float(f64::from_be_bytes(self.input.array()?)),
            b'I' | b'L' | b'F' => self.decimal(opcode)?,
            _ => return Ok(false),
        };
        self.push_new(node)
    }

    /// Strings and bytes.
    fn text(&mut self, opcode: u8) -> Result<bool> {
        let length = match opcode {
            // The strings of Python 2 have the same opcodes but may hold any bytes.
            b'U' | b'C' | 0x8c => self.input.byte()?.into(),
            b'T' | b'B' | b'X' => u32::from_le_bytes(self.input.array()?).into(),
            0x8d | 0x8e => u64::from_le_bytes(self.input.array()?),
            b'V' => {
                let text = self.input.raw_unicode_line()?;
                return self.push_new(Node::Str(text));
            }
            _ => return Ok(false),
        };
        let bytes = self.input.take(length)?;
        let node = match (opcode, String::from_utf8(bytes)) {
            (b'C' | b'B' | 0x8e, Ok(text)) => Node::Bytes(text.into_bytes()),
            (b'C' | b'B' | 0x8e | b'U' | b'T', Err(error)) => Node::Bytes(error.into_bytes()),
            (_, Ok(text)) => Node::Str(text),
            (_, Err(_)) => return Err(self.error("has a string that is not UTF-8")),
        };
        self.push_new(node)
    }

    /// Lists, tuples, dictionaries and sets.
    fn container(&mut self, opcode: u8) -> Result<bool> {
        let node = match opcode {
            b']' => Node::List(Vec::new()),
            b')' => Node::Tuple(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            0x8f => Node::Set(Vec::new()),
            b'l' => Node::List(self.pop_to_mark()?),
            b't' => Node::Tuple(self.pop_to_mark()?),
            b'd' => Node::Dict(self.pop_pairs()?),
            0x91 => Node::Set(self.pop_to_mark()?),
            0x85..=0x87 => {
                let mut items = Vec::new();
                for _ in 0x84..opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Tuple(items)
            }
            b'a' | b'e' | 0x90 => {
                let items = match opcode {
                    b'a' => vec![self.pop()?],
                    _ => self.pop_to_mark()?,
                };
                return self.extend(items);
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                return self.extend_dict(vec![(key, value)]);
            }
            b'u' => {
                let entries = self.pop_pairs()?;
                return self.extend_dict(entries);
            }
            _ => return Ok(false),
        };
        self.push_new(node)
    }

    /// Opcodes that move what is there already, and those that frame the file.
    fn stack_and_memo(&mut self, opcode: u8) -> Result<bool> {
        match opcode {
            0x80 => {
                let protocol = self.input.byte()?;
                if protocol > MAX_PROTOCOL {
                    return Err(self.error(format!("has protocol {protocol}, newer than {MAX_PROTOCOL}")));
                }
            }
            0x95 => {
                let length = u64::from_le_bytes(self.input.array()?);
                self.input.check_length(length)?;
            }
            b'(' => {
                self.spend(1)?;
                self.marks.push(self.stack.len());
            }
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.push(top)?;
            }
            b'q' | b'r' | 0x94 | b'p' => {
                let index = match opcode {
                    // As many as were memoised so far; fits because cells are bounded.
                    0x94 => self.memo.len() as u32,
                    _ => self.memo_index(opcode)?,
                };
                let top = self.top()?;
                self.spend(1)?;
                self.memo.insert(index, top);
            }
            b'h' | b'j' | b'g' => {
                let index = self.memo_index(opcode)?;
                let id = self.memo.get(&index).copied();
                let id = id.ok_or_else(|| self.error(format!("uses memo {index}, which was never set")))?;
                self.push(id)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Names of classes, calls of them, and persistent ids.
    fn object(&mut self, opcode: u8) -> Result<bool> {
        match opcode {
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.name(&module, &name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.node(module).clone(), self.node(name).clone()) {
                    (Node::Str(module), Node::Str(name)) => self.name(&module, &name),
                    _ => Err(self.error("names a class by something other than strings")),
                }
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let id = self.call(callee, arguments)?;
                self.push(id)
            }
            b'b' => {
                let state = self.pop()?;
                let target = self.top()?;
                self.build(target, state)?;
                Ok(true)
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(storage)
            }
            _ => Ok(false),
        }
    }

    fn name(&mut self, module: &str, name: &str) -> Result<bool> {
        let node = resolve(module, name).ok_or_else(|| unknown(module, name))?;
        self.push_new(node)
    }

    /// A two's-complement integer of `length` bytes, little-endian.
    fn long(&mut self, length: u64) -> Result<Node> {
        if length > 16 {
            return Err(self.error(format!("has an integer of {length} bytes")));
        }
        let bytes = self.input.take(length)?;
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(&bytes);
        Ok(Node::Int(i128::from_le_bytes(wide)))
    }

    /// A number written out in digits (protocol 0).
    fn decimal(&mut self, opcode: u8) -> Result<Node> {
        let line = self.input.line()?;
        let node = match (opcode, line.as_str()) {
            (b'I', "00") => Some(Node::Bool(false)),
            (b'I', "01") => Some(Node::Bool(true)),
            (b'F', digits) => digits.parse().ok().map(Node::Float),
            (_, digits) => digits.strip_suffix('L').unwrap_or(digits).parse().ok().map(Node::Int),
        };
        node.ok_or_else(|| self.error(format!("has the number `{}`", quoted(&line))))
    }

    fn memo_index(&mut self, opcode: u8) -> Result<u32> {
        match opcode {
            b'q' | b'h' => Ok(self.input.byte()?.into()),
            b'r' | b'j' => Ok(u32::from_le_bytes(self.input.array()?)),
            _ => {
                let line = self.input.line()?;
                line.parse().map_err(|_| self.error(format!("has the memo number `{}`", quoted(&line))))
            }
        }
    }

    fn extend(&mut self, new: Vec<NodeId>) -> Result<bool> {
        self.spend(new.len())?;
        let target = self.top()?;
        match self.node_mut(target) {
            Node::List(items) | Node::Set(items) => items.extend(new),
            _ => return Err(self.error("appends to something that is not a list")),
        }
        Ok(true)
    }

    fn extend_dict(&mut self, new: Vec<(NodeId, NodeId)>) -> Result<bool> {
        self.spend(2 * new.len())?;
        let target = self.top()?;
        match self.node_mut(target) {
            Node::Dict(entries) => entries.extend(new),
            _ => return Err(self.error("sets an item of something that is not a dictionary")),
        }
        Ok(true)
    }

    /// Adds a node without pushing it.
    pub(super) fn add(&mut self, node: Node) -> Result<NodeId> {
        self.spend(1)?;
        self.nodes.push(node);
        Ok(NodeId(self.nodes.len() - 1))
    }

    fn push_new(&mut self, node: Node) -> Result<bool> {
        let id = self.add(node)?;
        self.push(id)
    }

    fn push(&mut self, id: NodeId) -> Result<bool> {
        self.spend(1)?;
        self.stack.push(id);
        Ok(true)
    }

    /// Takes the top of the stack, but nothing from below the last mark.
    fn pop(&mut self) -> Result<NodeId> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn top(&self) -> Result<NodeId> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).and_then(|above| above.last());
        above.copied().ok_or_else(|| self.error("takes from an empty stack"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<NodeId>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(self.error("uses a mark that was never set")),
        }
    }

    fn pop_pairs(&mut self) -> Result<Vec<(NodeId, NodeId)>> {
        let items = self.pop_to_mark()?;
        match items.as_chunks() {
            (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => Err(self.error("has a key without a value")),
        }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Counts `cells` against [`MAX_CELLS`].
    pub(super) fn spend(&mut self, cells: usize) -> Result<()> {
        self.cells = self.cells.saturating_add(cells);
        if self.cells > MAX_CELLS {
            return Err(self.error(format!("holds more than {MAX_CELLS} objects")));
        }
        Ok(())
    }

    /// An error at this point of the pickle.
    pub(super) fn error(&self, what: impl std::fmt::Display) -> Error {
        self.input.error(what)
    }
}
