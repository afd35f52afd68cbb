//! automoe searches for sparse mixture-of-experts Transformers (AutoMoE, arXiv 2210.07535).
//!
//! The rooms, each depending only on those before it:
//!
//! - [`mod@error`], `panics`, [`seed`], [`progress`], `pool`, `interrupt` — what went wrong, where randomness comes from, how long
//!   it will take
//! - [`world`] — the processes that do one job together
//! - `bounded`, `white_space`, `names`, `json`, `checksum`, `yaml`, [`device`], [`catalog`] — how files are read, what parts words, which
//!   name was meant, where tensors live, what configs can name
//! - [`space`] — the architecture, the search space, sampling, mutation, crossover
//! - [`metrics`] — BLEU, chrF
//! - [`rank`] — how well a measure orders architectures that were trained alone
//! - [`regression`] — what a figure is by numbers that describe a thing
//! - [`plan`] — what a sentence passes in an architecture's layers: maps, attentions, their names and shapes
//! - [`config`] — TOML to typed settings
//! - [`run`] — the run directory: locks, atomic files, checkpoints, logs
//! - [`text`] — corpus, subwords, vocabulary, batches
//! - [`cost`] — parameters, FLOPs, memory
//! - [`kernels`] — the operators, on the CPU and on graphics devices
//! - [`search`] — algorithm, evaluator, trial log
//! - [`model`] — the one Transformer, the supernet it is cut from, their loss
//! - [`latency`] — measuring it, and predicting it from measured architectures
//! - [`train`] — optimizer, schedule, loop
//! - [`translate`] — beam search
//! - [`interop`] — foreign checkpoints
//! - [`report`] — tables
//! - [`page`] — a run as a page of HTML
//! - [`live`] — a run, or a search, on a terminal as it goes
//! - [`pipeline`] — the phases as a user runs them
//! - [`cli`] — one thin file a subcommand

#![warn(missing_docs)]

#[cfg(test)]
extern crate self as automoe;

pub mod error;
mod panics;
pub mod seed;
pub mod progress;
mod pool;
mod interrupt;
pub mod world;
mod bounded;
mod white_space;
mod names;
mod json;
mod checksum;
mod yaml;
pub mod device;
pub mod catalog;
pub mod space;
pub mod metrics;
pub mod rank;
pub mod regression;
pub mod plan;
pub mod config;
pub mod run;
pub mod text;
pub mod cost;
pub mod kernels;
pub mod search;
pub mod model;
pub mod latency;
pub mod train;
pub mod translate;
pub mod interop;
pub mod report;
pub mod page;
pub mod live;
pub mod pipeline;
pub mod cli;

#[cfg(test)]
#[path = "../tests/devices/mod.rs"]
mod test_devices;
#[cfg(test)]
#[path = "../tests/shared/mod.rs"]
mod test_shared;
