//! Losses on the validation set.

use super::update::{dealt, sentences};
use crate::cost::RoutingFractions;
use crate::error::Result;
use crate::kernels::LossSums;
use crate::model::loss::{Objective, evaluate};
use crate::model::{LayerRouting, Transformer};
use crate::space::Stack;
use crate::text::{Batch, Dataset, batches_by_length, collate, fixed_batches};
use crate::world::World;

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

    /// Losses of `model`.
    pub fn evaluate(&self, model: &Transformer) -> LossSums {
        self.evaluate_routed(model).0
    }

    /// The same by all processes of `world` together, each with its share of the batches; with any number of them the same sums.
    pub fn evaluate_with(&self, world: &dyn World, model: &Transformer) -> LossSums {
        let own: Vec<LossSums> = dealt(world, &self.batches)
            .map(|batch| evaluate(model, sentences(batch), &Objective::default()).0)
            .collect();
        let by_rank: Vec<Vec<LossSums>> = world.gather(&to_bytes(&own)).iter().map(|bytes| from_bytes(bytes)).collect();
        let mut sums = LossSums::default();
        for index in 0..self.batches.len() {
            sums.add(&by_rank[index % world.size()][index / world.size()]);
        }
        sums
    }

    /// The same as [`Self::evaluate`], and how many tokens, padding left aside, were sent to each expert.
    pub fn evaluate_routed(&self, model: &Transformer) -> (LossSums, RoutingFractions) {
        let mut sums = LossSums::default();
        let architecture = &model.config().architecture;
        let layers = |stack: &Stack| vec![Vec::new(); stack.layers.len()];
        let mut routed =
            RoutingFractions { encoder: layers(&architecture.encoder), decoder: layers(&architecture.decoder) };
        // Plain likelihood: smoothing and load balance are for training.
        let objective = Objective::default();
        for batch in &self.batches {
            let (batch_sums, pass) = evaluate(model, sentences(batch), &objective);
            sums.add(&batch_sums);
            add_counts(&mut routed.encoder, &pass.encoder_routing);
            add_counts(&mut routed.decoder, &pass.decoder_routing);
        }
        (sums, routed)
    }
}

fn to_bytes(sums: &[LossSums]) -> Vec<u8> {
    let numbers = |sums: &LossSums| {
        let LossSums { loss, nll, objective, tokens } = *sums;
        [loss.to_bits(), nll.to_bits(), objective.to_bits(), tokens as u64]
    };
    sums.iter().flat_map(numbers).flat_map(u64::to_le_bytes).collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<LossSums> {
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let sums = |bytes: &[u8]| {
        let [loss, nll, objective] = [0, 8, 16].map(|start| f64::from_bits(number(&bytes[start..start + 8])));
        LossSums { loss, nll, objective, tokens: number(&bytes[24..]) as usize }
    };
    bytes.chunks_exact(32).map(sums).collect()
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
