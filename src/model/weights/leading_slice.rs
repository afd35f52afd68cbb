//! The reference's rule: every weight of a subnet is a leading slice of the largest Transformer's.
//!
//! Output dimensions come first, input dimensions second, so that a slice keeps the first rows and the first columns;
//! the first layers and the first experts are used.

use super::layout::Shapes;
use super::sharing::{Rule, Shared, WeightSharing};
use super::value::{Value, Values};
use crate::error::Result;
use crate::model::config::TransformerConfig;
use crate::model::transformer::Transformer;
use crate::space::Architecture;

/// Subnets' weights are the first rows and columns of the shared ones, of the first layers and the first experts.
#[derive(Debug)]
pub struct LeadingSlice;

impl WeightSharing for LeadingSlice {
    fn rule(&self) -> Rule {
        Rule::default()
    }

    fn weight(&self, shared: Shared<'_>, _: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        shared.slice(name, shape)
    }

    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
        Transformer::named_shapes(&config.with_architecture(architecture))
    }

    fn gradients(&self, _: Shared<'_>, _: &Architecture, of_subnet: Values) -> Values {
        of_subnet
    }
}
