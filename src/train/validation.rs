//! Losses on the validation set.

use super::deal::{dealt, in_order};
use super::update::sentences;
use crate::cost::RoutingFractions;
use crate::error::Result;
use crate::kernels::LossSums;
use crate::model::loss::{Objective, evaluate};
use crate::model::{LayerRouting, Transformer};
use crate::space::Stack;
use crate::text::{Batch, Dataset, batches_by_length, collate, fixed_batches};
use crate::world::World;

/// Plain likelihood: smoothing and load balance are for training.
const OBJECTIVE: Objective = Objective { label_smoothing: 0.0, encoder_load_balance: 0.0, decoder_load_balance: 0.0 };

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

    /// The set in `count` parts that are alike in their lengths: of the pairs by length, every `count`-th one. A part may be empty.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn parts(dataset: &Dataset, max_tokens: usize, count: usize) -> Result<Vec<Self>> {
        let by_length: Vec<u32> = fixed_batches(dataset, max_tokens)?.concat();
        let part = |part| {
            let pairs = by_length.iter().skip(part).step_by(count).copied().collect();
            let batches = batches_by_length(dataset, max_tokens, pairs)?;
            Ok(Self { batches: batches.iter().map(|indices| collate(dataset, indices)).collect() })
        };
        (0..count).map(part).collect()
    }

    /// Whether there is nothing to validate on.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Losses of `model`, found by all processes of `world` together, each with its share of the batches; with any number of them the
    /// same sums.
    pub fn evaluate(&self, world: &dyn World, model: &Transformer) -> LossSums {
        let own = dealt(world, &self.batches).map(|batch| evaluate(model, sentences(batch), &OBJECTIVE).0.to_bytes());
        let by_rank = world.all_gather(own.collect::<Vec<_>>().as_flattened());
        let sums = |bytes: Vec<u8>| bytes.as_chunks().0.iter().map(LossSums::from_bytes).collect();
        let mut total = LossSums::default();
        in_order(by_rank.into_iter().map(sums).collect()).for_each(|sums| total.add(&sums));
        total
    }

    /// Losses of `model`, and how many tokens, padding left aside, were sent to each expert.
    pub fn evaluate_routed(&self, model: &Transformer) -> (LossSums, RoutingFractions) {
        let mut sums = LossSums::default();
        let architecture = &model.config().architecture;
        let layers = |stack: &Stack| vec![Vec::new(); stack.layers.len()];
        let mut routed =
            RoutingFractions { encoder: layers(&architecture.encoder), decoder: layers(&architecture.decoder) };
        for batch in &self.batches {
            let (batch_sums, pass) = evaluate(model, sentences(batch), &OBJECTIVE);
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
