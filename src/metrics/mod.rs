//! BLEU and chrF of a corpus, equal to sacreBLEU 2.6 (Post, 2018): the same tokenizers, smoothing, several references
//! and treatment of odd input, and the same signature line, so that scores compare with published ones.

mod bleu;
mod chrf;
mod signature;
mod smoothing;
mod tokenize;

pub use bleu::{Bleu, BleuConfig, BleuStatistics, bleu};
pub use chrf::{Chrf, ChrfConfig, chrf};
pub use smoothing::Smoothing;
pub use tokenize::{Tokenizer, compound_split};
