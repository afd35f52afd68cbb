//! The search's evaluator: validation loss with the supernet's shared weights, and latency.

use super::latency::{MeasuredLatency, Quiet};
use super::workspace::Workspace;
use crate::cost::{Dimensions, expected_flops};
use crate::error::{Error, Result};
use crate::model::precision::Products;
use crate::model::{Supernet, Transformer};
use crate::search::{Evaluation, Evaluator, PARTS};
use crate::space::Architecture;
use crate::train::Validation;
use std::ops::Range;
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
    /// The same in [`PARTS`](crate::search::PARTS) where candidates race.
    pub parts: Vec<Validation>,
    /// What their losses follow from besides the architecture.
    pub conditions: String,
    /// What FLOPs depend on besides the architecture.
    pub dimensions: Dimensions,
    /// Their latency, where that is limited and measured.
    pub latency: MeasuredLatency,
    /// Keeps evaluations out of measurements of latency.
    pub quiet: Quiet,
}

impl SupernetEvaluator {
    /// Of the workspace's search, with subnets of `supernet` and a latency that evaluations keep quiet for.
    ///
    /// # Errors
    /// Validation pairs that are longer than the search's batches.
    pub fn new(
        workspace: &Workspace,
        supernet: &Arc<Supernet>,
        (latency, quiet): (MeasuredLatency, Quiet),
        conditions: String,
    ) -> Result<Self> {
        let (settings, valid) = (&workspace.config.search, &workspace.prepared.valid);
        Ok(Self {
            supernet: supernet.clone(),
            products: Products::new(settings.precision, &workspace.device),
            validation: Validation::new(valid, settings.max_tokens)?,
            parts: if settings.racing { Validation::parts(valid, settings.max_tokens, PARTS)? } else { Vec::new() },
            conditions,
            dimensions: Dimensions::of(&workspace.config)?,
            latency,
            quiet,
        })
    }

    fn of_model(&self, model: &Transformer, validation: &Validation) -> Result<Evaluation> {
        let start = Instant::now();
        if validation.is_empty() {
            return Ok(Evaluation { loss: 0.0, tokens: 0, gflops_expected: None, seconds: 0.0 });
        }
        let (sums, routing) = validation.evaluate_routed(model);
        let loss = sums.nll_bits();
        if !loss.is_finite() {
            return Err(Error::failure("the loss is not a finite number"));
        }
        let architecture = &model.config().architecture;
        let gflops_expected = Some(expected_flops(architecture, &self.dimensions, &routing)? / 1e9);
        Ok(Evaluation { loss, tokens: sums.tokens as u64, gflops_expected, seconds: start.elapsed().as_secs_f64() })
    }
}

impl Evaluator for SupernetEvaluator {
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation> {
        let _busy = self.quiet.busy();
        let model = self.supernet.cut(architecture, false)?.with_products(self.products);
        self.of_model(&model, &self.validation)
    }

    fn evaluate_parts(&self, architecture: &Architecture, parts: Range<usize>) -> Result<Vec<Evaluation>> {
        let _busy = self.quiet.busy();
        let model = self.supernet.cut(architecture, false)?.with_products(self.products);
        self.parts[parts].iter().map(|part| self.of_model(&model, part)).collect()
    }

    fn conditions(&self) -> String {
        self.conditions.clone()
    }

    fn measure(&self, architecture: &Architecture) -> Result<f64> {
        self.latency.of(architecture)
    }
}
