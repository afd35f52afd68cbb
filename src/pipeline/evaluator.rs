//! The search's evaluator: validation loss with the supernet's shared weights.

use super::latency::Quiet;
use crate::error::{Error, Result};
use crate::model::Supernet;
use crate::search::{Evaluator, Measured};
use crate::space::Architecture;
use crate::train::Validation;
use std::sync::Arc;
use std::time::Instant;

/// A supernet and the batched validation set.
pub(super) struct SupernetEvaluator {
    /// Subnets are cut from it.
    pub supernet: Arc<Supernet>,
    /// What they are evaluated on.
    pub validation: Validation,
    /// Keeps evaluations out of measurements of latency.
    pub quiet: Quiet,
}

impl Evaluator for SupernetEvaluator {
    fn evaluate(&self, architecture: &Architecture, fidelity: f64) -> Result<Measured> {
        let _busy = self.quiet.busy();
        let start = Instant::now();
        let model = self.supernet.cut(architecture, false)?;
        let sums = self.validation.evaluate(&model, fidelity);
        let loss = sums.nll_bits();
        if !loss.is_finite() {
            return Err(Error::failure("the loss is not a finite number"));
        }
        Ok(Measured { loss, tokens: sums.tokens as u64, seconds: start.elapsed().as_secs_f64() })
    }
}
