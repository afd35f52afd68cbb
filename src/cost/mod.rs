//! What an architecture costs: parameters, FLOPs, memory. One trait, and a limit on it.
//!
//! [`mod@flops`], [`mod@parameters`] and [`memory`] count; [`costs`] makes each count a [`Cost`] that a search can limit;
//! [`CostSummary`] is the line that `automoe cost` prints. Where experts differ in size, a count depends on where the
//! tokens are sent; [`routing`] says how each figure deals with that.

pub mod costs;
pub mod flops;
pub mod memory;
pub mod parameters;
pub mod routing;
pub mod summary;

pub use costs::{ActiveParameters, Gflops, MemoryMb, TotalParameters};
pub use flops::{Dimensions, Flops, expected_flops, flops};
pub use parameters::{Embeddings, Parameters, expected_active_parameters, parameters, reference_convention};
pub use routing::RoutingFractions;
pub use summary::CostSummary;

#[cfg(test)]
mod tests;

use crate::space::Architecture;
use std::sync::Arc;

/// A figure that an architecture costs; the same architecture always gives the same figure.
pub trait Cost: Send + Sync {
    /// Short name as in results and options, for example `gflops`.
    fn name(&self) -> &str;
    /// Unit for messages, for example `GFLOPs`.
    fn unit(&self) -> &str;
    /// The figure of `architecture`.
    fn of(&self, architecture: &Architecture) -> f64;
}

/// A cost and the most it may be.
#[derive(Clone)]
pub struct Constraint {
    /// What is limited.
    pub cost: Arc<dyn Cost>,
    /// The largest allowed figure, inclusive.
    pub limit: f64,
}

impl Constraint {
    /// Whether `architecture` is within the limit.
    pub fn allows(&self, architecture: &Architecture) -> bool {
        self.cost.of(architecture) <= self.limit
    }
}
