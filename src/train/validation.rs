//! Losses on the validation set.

use super::update::tokens;
use crate::error::Result;
use crate::model::Transformer;
use crate::model::loss::{LossSums, Objective, evaluate};
use crate::text::{Batch, Dataset, collate, fixed_batches};

/// The validation set, batched once and reused.
#[derive(Debug)]
pub struct Validation {
    batches: Vec<Batch>,
}

impl Validation {
    /// Batches of at most `max_tokens`.
    ///
    /// # Errors
    /// A pair is longer than that.
    pub fn new(dataset: &Dataset, max_tokens: usize) -> Result<Self> {
        let batches = fixed_batches(dataset, max_tokens)?;
        let batches = batches.iter().map(|indices| collate(dataset, indices)).collect();
        Ok(Self { batches })
    }

    /// Losses of `model` over about the first `fidelity` (0 to 1) of the batches, at least one.
    pub fn evaluate(&self, model: &Transformer, fidelity: f64) -> LossSums {
        let count = (self.batches.len() as f64 * fidelity).ceil() as usize;
        let mut sums = LossSums::default();
        // Plain likelihood: smoothing and load balance are for training.
        let objective = Objective::default();
        for batch in self.batches.iter().take(count.max(1)) {
            sums.add(&evaluate(model, tokens(batch), &objective).0);
        }
        sums
    }
}
