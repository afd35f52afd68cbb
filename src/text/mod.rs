//! Parallel text: from files to subwords, ids and batches.
//!
//! [`prepare()`] does it all once and caches the result by content; the other files are its steps, in order: [`corpus`],
//! by the text [format](mod@format) of each file, or [`toy`] gives sentence pairs (as text, or as ids already), [`subwords`]
//! (learned here, or a published model's with its [`bpe_codes`] or its [`sentencepiece`] model) turns them into ids of a
//! [`vocabulary`], [`dataset`] holds them, [`batch`] groups and pads them.

pub mod prepare;
pub mod prepared;
mod fingerprint;
mod encode;
pub mod statistics;
mod cache;
pub mod export;

pub mod corpus;
pub mod format;
mod formats;
mod lines;
pub mod toy;
pub mod pairs;
pub mod parallel;
mod indexed;

pub mod subwords;
mod pipeline;
mod published;
pub mod bpe_codes;
pub mod sentencepiece;
pub mod vocabulary;

pub mod dataset;
pub mod batch;

#[cfg(test)]
mod tests;

pub use batch::{Batch, SourceBatch, batches_by_length, collate, epoch_batches, fixed_batches, source_batch};
pub use dataset::Dataset;
pub use export::export_fairseq;
pub use format::{NamedText, SoughtFile, TextFormat};
pub use pairs::Pairs;
pub use parallel::ParallelText;
pub use prepare::{prepare, published_subwords};
pub use prepared::{Fingerprints, Prepared, subwords_fingerprint};
pub use statistics::{SplitStatistics, Statistics};
pub use subwords::SubwordModel;
pub use vocabulary::{BOS, EOS, PAD, UNK, Vocabulary};
