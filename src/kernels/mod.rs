//! Our own operators: they take tensors, know no module, and decide what differs between the CPU and graphics devices.
//!
//! [`operators`] are what the rooms above call, [`History`] is one with a memory, [`losses`] end a forward pass, and
//! [`capabilities`] tell a model the few things of a device that reach beyond an operator. On the CPU each operator is one
//! kernel of [`cpu`] with a backward pass of its own; on graphics devices it is a few launches of those of [`gpu`], around
//! burn's matrix products. [`plain`] has the same as compositions of burn's operators: what tests compare with, and what is
//! left where no kernel is worth it.

pub mod operators;
pub mod history;
pub mod losses;
pub mod capabilities;

pub mod dropout;
pub mod routing;
pub mod adam_step;
pub mod loss_sums;
pub mod targets;

mod autodiff;
mod extension;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod plain;

#[cfg(test)]
mod not_a_number;
#[cfg(test)]
mod tests;

pub use adam_step::{AdamStep, Division, Stepped};
pub use cpu::panels::Panels;
pub use dropout::{Dropout, Mask};
#[cfg(feature = "gpu")]
pub use gpu::{ExpertWeights, Routing};
pub use history::History;
pub use loss_sums::LossSums;
pub use losses::Losses;
pub use operators::LinearMap;
pub use routing::{Assignment, assign};
pub use targets::{SoftTargets, Targets};
