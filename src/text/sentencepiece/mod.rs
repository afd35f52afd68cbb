//! SentencePiece models (Kudo and Richardson, 2018), unigram and BPE: read as they are, they segment text to the same pieces.
//!
//! Scores are added in the precision and order of SentencePiece's own code, since ties are common and decide pieces.

mod bpe;
mod charsmap;
mod model;
mod normalizer;
mod pieces;
mod proto;
mod unigram;

pub use model::{SentencePiece, decode, joins_pieces};
