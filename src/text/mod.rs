//! Parallel text: from files to subwords, ids and batches.
//!
//! [`prepare()`] does it all once and caches the result by content; the other files are its steps, in order: [`corpus`] or
//! [`toy`] gives sentence pairs, [`subwords`] (learned here, or a published model's with its [`bpe_codes`]) turns them into
//! ids of a [`vocabulary`], [`dataset`] holds them, [`batch`] groups and pads them.

pub mod batch;
pub mod bpe_codes;
mod cache;
pub mod corpus;
pub mod dataset;
mod pipeline;
pub mod prepare;
pub mod prepared;
mod published;
pub mod statistics;
pub mod subwords;
#[cfg(test)]
mod tests;
pub mod toy;
pub mod vocabulary;

pub use batch::{Batch, SourceBatch, collate, epoch_batches, fixed_batches, source_batch};
pub use corpus::ParallelText;
pub use dataset::Dataset;
pub use prepare::{prepare, published_subwords};
pub use prepared::{Prepared, subwords_fingerprint};
pub use statistics::{SplitStatistics, Statistics};
pub use subwords::SubwordModel;
pub use vocabulary::{BOS, EOS, PAD, UNK, Vocabulary};
