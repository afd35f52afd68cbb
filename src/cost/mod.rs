//! What an architecture costs: parameters, FLOPs, memory. One trait, and a limit on it.
//!
//! [`mod@flops`], [`mod@parameters`], [`memory`] and [`kv_cache`] count; [`costs`] makes each count a [`Cost`] that a search
//! can limit; [`CostSummary`] is the line that `automoe cost` prints. Where experts differ in size, a count depends on where
//! the tokens are sent; [`routing`] says how each figure deals with that.

pub mod basis;
pub mod constraint;
pub mod costs;
pub mod flops;
pub mod kv_cache;
pub mod memory;
pub mod parameters;
pub mod routing;
pub mod summary;

#[cfg(test)]
mod tests;

pub use basis::Basis;
pub use constraint::{Constraint, Cost, Limit};
pub use costs::Costs;
pub use flops::{Dimensions, Flops, expected_flops, flops, projection, training_flops};
pub use parameters::{Embeddings, Parameters, expected_active_parameters, parameters, reference_convention};
pub use routing::RoutingFractions;
pub use summary::CostSummary;
