//! Losses of candidates, with the supernet's shared weights.

use crate::config::Config;
use crate::cost::{Dimensions, expected_flops};
use crate::error::{Error, Result};
use crate::model::precision::Products;
use crate::model::{Supernet, Transformer};
use crate::search::{Evaluation, PARTS};
use crate::space::Architecture;
use crate::text::Dataset;
use crate::train::Validation;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Evaluations of an architecture: of the whole validation set, or of these parts of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub architecture: Architecture,
    pub parts: Option<Range<usize>>,
}

/// Losses of the subnets of a supernet on the batched validation set.
pub(super) struct Losses {
    /// Subnets are cut from it.
    supernet: Arc<Supernet>,
    /// How their products are computed.
    products: Products,
    /// What they are evaluated on.
    validation: Validation,
    /// The same in [`PARTS`](crate::search::PARTS) where candidates race.
    parts: Vec<Validation>,
    /// What FLOPs depend on besides the architecture.
    dimensions: Dimensions,
}

impl Losses {
    /// As the search of `config` asks for them, on the pairs `valid`.
    ///
    /// # Errors
    /// Validation pairs that are longer than the search's batches.
    pub fn new(config: &Config, valid: &Dataset, supernet: &Arc<Supernet>, device: &Device) -> Result<Self> {
        let settings = &config.search;
        Ok(Self {
            supernet: supernet.clone(),
            products: Products::new(settings.precision, device),
            validation: Validation::new(valid, settings.max_tokens)?,
            parts: if settings.racing { Validation::parts(valid, settings.max_tokens, PARTS)? } else { Vec::new() },
            dimensions: Dimensions::of(config)?,
        })
    }

    /// What is asked for: one evaluation of the whole validation set, or one of each part.
    ///
    /// # Errors
    /// An architecture that the supernet does not hold; a loss that is no number.
    pub fn of(&self, asked: &Asked) -> Result<Vec<Evaluation>> {
        let model = self.supernet.cut(&asked.architecture, false)?.with_products(self.products);
        match &asked.parts {
            None => Ok(vec![self.of_model(&model, &self.validation)?]),
            Some(parts) => self.parts[parts.clone()].iter().map(|part| self.of_model(&model, part)).collect(),
        }
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
