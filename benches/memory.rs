//! The peak of memory of an update beside what it must hold: weights, their moments, gradients, and what the backward pass
//! needs of the forward pass.

use crate::harness::Bench;
use crate::models::{LENGTH, SENTENCES, Size, batch};
use automoe::config::TrainConfig;
use automoe::run::memory::peak_memory_bytes;
use automoe::train::Trainer;
use serde_json::json;

/// Smallest first: pages that one leaves behind serve the next.
const SIZES: [Size; 3] = [
    Size { width: 256, layers: 3, experts: 0 },
    Size { width: 512, layers: 6, experts: 0 },
    Size { width: 512, layers: 6, experts: 6 },
];
/// Updates of which the peak is taken: moments come with the first.
const UPDATES: usize = 3;

/// Runs before everything else that takes memory.
pub fn run(bench: &Bench) {
    for size in SIZES {
        let name = format!("memory/{}", size.name());
        if !bench.wants(&name) {
            continue;
        }
        let mut trainer = Trainer::new(size.supernet(), &TrainConfig::default(), 1);
        let architecture = size.config().architecture;
        for done in 0..UPDATES {
            trainer
                .update(std::slice::from_ref(&architecture), &[batch()], done)
                .expect("the architecture is the supernet's own");
        }
        let counted = counted_bytes(size);
        let peak = peak_memory_bytes().map(|bytes| bytes as f64);
        println!(
            "{}",
            json!({"name": name, "peak_bytes": peak, "counted_bytes": counted, "ratio": peak.map(|peak| peak / counted)})
        );
    }
}

/// Four numbers a parameter, and for each token of an encoder layer 12 widths: queries, keys and values, context, hidden
/// activations, and input and normalised sum of either sublayer; of a decoder layer 18.
fn counted_bytes(size: Size) -> f64 {
    let tokens = (SENTENCES * LENGTH) as f64;
    let activations = tokens * size.layers as f64 * (12.0 + 18.0) * size.width as f64;
    4.0 * (4.0 * size.parameters() + activations)
}
