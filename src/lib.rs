//! automoe searches for sparse mixture-of-experts Transformers (AutoMoE, arXiv 2210.07535).
//!
//! The rooms, each depending only on those before it:
//!
//! - [`mod@error`], [`seed`], [`progress`], [`device`] — what went wrong, where randomness comes from, how long it will take,
//!   where tensors live
//! - [`space`] — the architecture, the search space, sampling, mutation, crossover
//! - [`config`] — TOML to typed settings
//! - [`text`] — corpus, subwords, vocabulary, batches
//! - [`model`] — the one Transformer, the supernet it is cut from, their loss
//! - [`cost`] — parameters, FLOPs, memory
//! - [`run`] — the run directory: locks, atomic files, checkpoints, logs
//! - [`latency`] — measuring it, and predicting it from measured architectures
//! - [`train`] — optimizer, schedule, loop
//! - [`translate`] — beam search
//! - [`metrics`] — BLEU, chrF
//! - [`search`] — algorithm, evaluator, trial log
//! - [`interop`] — foreign checkpoints
//! - [`report`] — tables
//! - [`pipeline`] — the phases as a user runs them
//! - [`cli`] — one thin file a subcommand

#![warn(missing_docs)]

#[cfg(test)]
extern crate self as automoe;

mod bounded;
pub mod cli;
pub mod config;
pub mod cost;
pub mod device;
pub mod error;
pub mod interop;
mod interrupt;
pub mod kernels;
pub mod latency;
pub mod metrics;
pub mod model;
pub mod pipeline;
mod pool;
pub mod progress;
pub mod report;
pub mod run;
pub mod search;
pub mod seed;
pub mod space;
#[cfg(test)]
#[path = "../tests/devices/mod.rs"]
mod test_devices;
pub mod text;
pub mod train;
pub mod translate;
