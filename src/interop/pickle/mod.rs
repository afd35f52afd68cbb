//! Reads Python pickles that hold tensors and plain containers, as `torch.save` writes them, and runs nothing.
//!
//! A pickle is a program for a small stack machine that may name any Python function and call it. [`parse`] knows a
//! short list of names ([`Known`]) and builds data for them; any other name, call or opcode is refused with one
//! line. What is read is kept as nodes that refer to each other by [`NodeId`], because a pickle shares objects:
//! written out as a tree, a few bytes could fill all memory. Length, number of objects, depth and cycles are
//! checked, so memory stays within a small multiple of [`MAX_BYTES`] and [`MAX_CELLS`], and recursion over what was
//! read is safe to [`MAX_DEPTH`].

mod input;
mod known;
mod machine;
mod names;
mod node;
#[cfg(test)]
mod tests;

pub use known::OMEGACONF_VALUES;
pub use machine::parse;
pub use node::{Known, MAX_BYTES, MAX_CELLS, MAX_DEPTH, Node, NodeId, Pickle, Storage, Tensor};
