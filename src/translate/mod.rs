//! Beam search with a key/value cache, and translation of text with it.

mod beam;
mod candidates;
mod translator;

pub use beam::{Hypothesis, beam_search, length_limit};
pub use translator::{Translation, Translator};
