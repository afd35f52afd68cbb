//! Bytes of the keys and values that decoding a sentence holds: the memory that bounds how many sentences are served at once.
//!
//! With q = `qkv_dim`, source and target of L tokens and a beam of b hypotheses, a decoder layer that keeps its attention holds
//! - of self-attention those of each position, for each hypothesis: 2q · L · b numbers;
//! - of cross-attention those of the n encoder layers that it sees: 2q · n · L numbers, once however many hypotheses there
//!   are, as all of a sentence attend to the same ones.
//!
//! Numbers are in single precision, whatever the model was trained in. (On the CPU a position keeps its queries, too, which
//! is half as much again, and the first position is of one hypothesis.)

use super::basis::Basis;
use super::memory::BYTES;
use crate::plan::{Operator, Plan, Tokens};
use crate::space::{Architecture, Side};

/// Bytes of all keys and values once the whole target is decoded.
pub fn kv_cache_bytes(architecture: &Architecture, basis: &Basis) -> u64 {
    let length = basis.dimensions.sentence_length;
    let mut numbers = 0;
    let layers = Plan::new(architecture, basis.dimensions.qkv_dim).layers();
    for layer in layers.filter(|layer| layer.side == Side::Decoder) {
        layer.walk(|step| {
            if let Operator::Attention { qkv_dim, keys, .. } = step.operator {
                let times = match keys {
                    Tokens::Source(_) => 1,
                    Tokens::Target => basis.beam,
                };
                let [width, tokens, times] = [2 * qkv_dim, keys.count(length, length), times].map(|size| size as u64);
                numbers += width * tokens * times;
            }
        });
    }
    BYTES * numbers
}
