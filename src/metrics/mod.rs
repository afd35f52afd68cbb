//! BLEU and chrF of a corpus, equal to sacreBLEU 2.6 (Post, 2018): the same tokenizers, smoothing, several references
//! and treatment of odd input, and the same signature line, so that scores compare with published ones. Whether two systems differ is told by its paired bootstrap.

mod pcg;
mod bootstrap;
mod bleu;
mod chrf;
mod signature;
mod smoothing;
mod tokenize;

pub use bleu::{Bleu, BleuConfig, BleuStatistics, bleu};
pub use bootstrap::{Bootstrap, Difference, Resampled, Statistics};
pub use chrf::{Chrf, ChrfConfig, ChrfStatistics, chrf};
pub use smoothing::Smoothing;
pub use tokenize::{Tokenizer, compound_split};
