//! Beam search: 16 sentences, 20 steps, beam 5.

use crate::harness::{Bench, INFERENCE, Work};
use crate::models::{LENGTH, Size, VOCAB};
use automoe::config::TranslateConfig;
use automoe::model::Transformer;
use automoe::text::SourceBatch;
use automoe::translate::{beam_search, length_limit};
use rand::RngExt;
use std::hint::black_box;

const SENTENCES: usize = 16;
const STEPS: usize = 20;
const BEAM: usize = 5;

pub fn run(bench: &Bench) {
    for (width, layers) in crate::training::SIZES {
        for experts in [0, 6] {
            let size = Size { width, layers, experts };
            let name = format!("beam/{}", size.name());
            bench.measure_precisions(&name, work(size), &INFERENCE, |precision| searched(size.model(precision)));
        }
    }
}

/// A search by `model`.
pub fn searched(model: Transformer) -> impl FnMut() {
    // No end of sentence before the last step: each sentence takes exactly STEPS.
    let config = TranslateConfig {
        beam: BEAM,
        min_len: STEPS - 1,
        max_len_a: 0.0,
        max_len_b: STEPS - 1,
        ..TranslateConfig::default()
    };
    let limits = [length_limit(&config, LENGTH); SENTENCES];
    let source = source();
    move || drop(black_box(beam_search(&model, &source, &limits, &config)))
}

fn source() -> SourceBatch {
    let mut rng = automoe::seed::stream(2, "bench sources", 0);
    let source = (0..SENTENCES * LENGTH).map(|_| rng.random_range(4..VOCAB as u32)).collect();
    SourceBatch { source, sentences: SENTENCES, source_len: LENGTH }
}

/// FLOPs of the encoder, of the source's keys and values once, and of every row of every step; bytes of the decoder's
/// parameters at every step.
pub fn work(size: Size) -> Work {
    let d = size.width as f64;
    let layers = size.layers as f64;
    let encoded = (SENTENCES * LENGTH) as f64 * layers * (4.0 + 8.0 + 2.0) * d * d;
    let row = layers * (4.0 + 2.0 + 8.0) * d * d + VOCAB as f64 * d;
    let rows = (SENTENCES * BEAM * STEPS) as f64;
    let networks = 8.0 * size.experts.max(1) as f64;
    let decoder = layers * (6.0 + networks) * d * d + VOCAB as f64 * d;
    Work { flops: 2.0 * (encoded + rows * row), bytes: 4.0 * STEPS as f64 * decoder }
}
