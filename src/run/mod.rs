//! The run directory and everything that is written into it: locking, atomic files, checkpoints, logs.
//!
//! A process may be killed at any moment. Files therefore appear whole or not at all ([`atomic`]), a log loses at most
//! its last line ([`jsonl`]), and a checkpoint that was damaged on disk is refused ([`checkpoint`]).

pub mod atomic;
pub mod checkpoint;
pub mod checkpoints;
pub mod directory;
pub mod dtype;
pub mod events;
pub mod jsonl;
pub mod lock;
mod manifest;
mod request;
pub mod memory;
mod settings;
mod tail;

pub use checkpoint::{Checkpoint, NamedTensor, TensorView};
pub use checkpoints::Checkpoints;
pub use directory::RunDirectory;
pub use events::EventFile;
pub use jsonl::JsonLines;
pub use manifest::Manifest;
pub use request::Request;
pub use settings::{Made, Settings};
pub use tail::{Grown, Tail};
