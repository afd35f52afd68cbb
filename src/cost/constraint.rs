//! What a cost is, and a limit on it.

use crate::space::Architecture;
use std::fmt;
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

/// What is limited and how, for messages: `gflops ≤ 3`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit<'a> {
    /// The cost's name.
    pub name: &'a str,
    /// The unit of its figures.
    pub unit: &'a str,
    /// The largest allowed figure, inclusive.
    pub most: f64,
}

impl<'a> From<&'a Constraint> for Limit<'a> {
    fn from(constraint: &'a Constraint) -> Self {
        Self { name: constraint.cost.name(), unit: constraint.cost.unit(), most: constraint.limit }
    }
}

impl fmt::Display for Limit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ≤ {}", self.name, self.most)
    }
}
