//! The search's evaluator: validation loss with the supernet's shared weights, and latency.

use super::latency::{MeasuredLatency, Quiet};
use crate::cost::{Dimensions, expected_flops};
use crate::error::{Error, Result};
use crate::model::Supernet;
use crate::model::precision::Products;
use crate::search::{Evaluation, Evaluator};
use crate::space::Architecture;
use crate::train::Validation;
use std::sync::Arc;
use std::time::Instant;

/// A supernet and the batched validation set.
pub(super) struct SupernetEvaluator {
    /// Subnets are cut from it.
    pub supernet: Arc<Supernet>,
    /// How their products are computed.
    pub products: Products,
    /// What they are evaluated on.
    pub validation: Validation,
    /// What FLOPs depend on besides the architecture.
    pub dimensions: Dimensions,
    /// Their latency, where that is limited and measured.
    pub latency: MeasuredLatency,
    /// Keeps evaluations out of measurements of latency.
    pub quiet: Quiet,
}

impl Evaluator for SupernetEvaluator {
    fn evaluate(&self, architecture: &Architecture, fidelity: f64) -> Result<Evaluation> {
        let _busy = self.quiet.busy();
        let start = Instant::now();
        let model = self.supernet.cut(architecture, false)?.with_products(self.products);
        let (sums, routing) = self.validation.evaluate_routed(&model, fidelity);
        let loss = sums.nll_bits();
        if !loss.is_finite() {
            return Err(Error::failure("the loss is not a finite number"));
        }
        let gflops_expected = Some(expected_flops(architecture, &self.dimensions, &routing)? / 1e9);
        Ok(Evaluation { loss, tokens: sums.tokens as u64, gflops_expected, seconds: start.elapsed().as_secs_f64() })
    }

    fn measure(&self, architecture: &Architecture) -> Result<f64> {
        self.latency.of(architecture)
    }
}
