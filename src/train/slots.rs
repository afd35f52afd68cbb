//! How much of a training each expert slot had: the third expert of a layer is trained only by architectures that have three.

use crate::model::LayerRouting;
use crate::model::loss::Differentiated;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Tokens that were sent to each expert of each layer, by stack, padding included. A slot that took no part has no entry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutedTokens {
    encoder: Vec<Vec<u64>>,
    decoder: Vec<Vec<u64>>,
}

impl RoutedTokens {
    /// Adds what a forward–backward step routed.
    pub(super) fn add(&mut self, step: &Differentiated) {
        let (encoder, decoder) = step.routed.split_at(step.pass.encoder_routing.len());
        add_layers(&mut self.encoder, &step.pass.encoder_routing, encoder);
        add_layers(&mut self.decoder, &step.pass.decoder_routing, decoder);
    }

    /// The tokens of all slots, one after another.
    pub(super) fn counts(&self) -> Vec<u64> {
        self.encoder.iter().chain(&self.decoder).flatten().copied().collect()
    }

    /// `counts` for the slots that `like` has: the inverse of [`Self::counts`].
    pub(super) fn with_counts(like: &Self, counts: &[u64]) -> Self {
        let (mut with, mut counts) = (like.clone(), counts.iter());
        let slots = with.encoder.iter_mut().chain(&mut with.decoder).flatten();
        slots.for_each(|slot| *slot = counts.next().copied().unwrap_or_default());
        with
    }
}

fn add_layers(stack: &mut Vec<Vec<u64>>, routing: &[LayerRouting], counts: &[Vec<u64>]) {
    for (layer, counts) in routing.iter().zip(counts) {
        let sums = grown(&mut grown(stack, layer.layer + 1)[layer.layer], counts.len());
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
}

/// `list` with at least `length` entries.
fn grown<T: Default + Clone>(list: &mut Vec<T>, length: usize) -> &mut Vec<T> {
    list.resize(length.max(list.len()), T::default());
    list
}

/// What the slots have had since a training began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct SlotUse {
    updates: u64,
    encoder: Vec<Vec<Slot>>,
    decoder: Vec<Vec<Slot>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Slot {
    /// Updates that it took part in.
    updates: u64,
    /// Tokens sent to it.
    tokens: u64,
}

impl SlotUse {
    /// Adds an update.
    pub fn add(&mut self, update: &RoutedTokens) {
        self.updates += 1;
        for (stack, routed) in [(&mut self.encoder, &update.encoder), (&mut self.decoder, &update.decoder)] {
            for (slots, tokens) in grown(stack, routed.len()).iter_mut().zip(routed) {
                for (slot, tokens) in grown(slots, tokens.len()).iter_mut().zip(tokens) {
                    slot.updates += 1;
                    slot.tokens += tokens;
                }
            }
        }
    }

    /// By stack, layer and slot, the share of all updates that a slot took part in, and its share of its layer's tokens.
    pub fn shares(&self) -> Value {
        let of = |share: &dyn Fn(&[Slot]) -> Vec<f64>| {
            let stack = |layers: &[Vec<Slot>]| layers.iter().map(|slots| share(slots)).collect::<Vec<_>>();
            json!({"encoder": stack(&self.encoder), "decoder": stack(&self.decoder)})
        };
        let updates = |slots: &[Slot]| slots.iter().map(|slot| slot.updates as f64 / self.updates as f64).collect();
        let tokens = |slots: &[Slot]| {
            let all = slots.iter().map(|slot| slot.tokens).sum::<u64>().max(1);
            slots.iter().map(|slot| slot.tokens as f64 / all as f64).collect()
        };
        json!({"updates": of(&updates), "tokens": of(&tokens)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_updates_and_of_the_layers_tokens() {
        let mut slots = SlotUse::default();
        for decoder in [vec![vec![], vec![3, 5]], vec![vec![], vec![4]], vec![]] {
            slots.add(&RoutedTokens { encoder: Vec::new(), decoder });
        }
        let shares = slots.shares();
        assert_eq!(shares["updates"], json!({"encoder": [], "decoder": [[], [2.0 / 3.0, 1.0 / 3.0]]}));
        assert_eq!(shares["tokens"], json!({"encoder": [], "decoder": [[], [7.0 / 12.0, 5.0 / 12.0]]}));
    }
}
