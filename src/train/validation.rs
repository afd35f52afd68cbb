//! Losses on the validation set.

use super::update::sentences;
use crate::cost::RoutingFractions;
use crate::error::Result;
use crate::kernels::LossSums;
use crate::model::loss::{Objective, evaluate};
use crate::model::{LayerRouting, Transformer};
use crate::space::Stack;
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
        self.evaluate_routed(model, fidelity).0
    }

    /// The same, and how many tokens, padding left aside, were sent to each expert.
    pub fn evaluate_routed(&self, model: &Transformer, fidelity: f64) -> (LossSums, RoutingFractions) {
        let count = (self.batches.len() as f64 * fidelity).ceil() as usize;
        let mut sums = LossSums::default();
        let architecture = &model.config().architecture;
        let layers = |stack: &Stack| vec![Vec::new(); stack.layers.len()];
        let mut routed =
            RoutingFractions { encoder: layers(&architecture.encoder), decoder: layers(&architecture.decoder) };
        // Plain likelihood: smoothing and load balance are for training.
        let objective = Objective::default();
        for batch in self.batches.iter().take(count.max(1)) {
            let (batch_sums, pass) = evaluate(model, sentences(batch), &objective);
            sums.add(&batch_sums);
            add_counts(&mut routed.encoder, &pass.encoder_routing);
            add_counts(&mut routed.decoder, &pass.decoder_routing);
        }
        (sums, routed)
    }
}

/// Adds what the routers of one stack did for a batch.
fn add_counts(stack: &mut [Vec<f64>], routing: &[LayerRouting]) {
    let layers: Vec<&LayerRouting> = routing.iter().collect();
    for (layer, counts) in layers.iter().zip(LayerRouting::counts(&layers)) {
        let sums = &mut stack[layer.layer];
        sums.resize(counts.len(), 0.0);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count as f64);
    }
}
