//! Whole updates and evaluations.

use crate::harness::Bench;
use crate::models::{Size, batch};
use automoe::config::TrainConfig;
use automoe::model::loss::{Objective, Sentences, evaluate};
use automoe::text::Batch;
use automoe::train::Trainer;

const EVALUATED: Objective = Objective { label_smoothing: 0.1, encoder_load_balance: 0.01, decoder_load_balance: 0.01 };

/// Widths and layers of either stack, smallest first.
pub const SIZES: [(usize, usize); 3] = [(128, 3), (256, 3), (512, 6)];

pub fn run(bench: &Bench) {
    for (width, layers) in SIZES {
        for experts in [0, 2, 6, 16] {
            let size = Size { width, layers, experts };
            update(bench, size);
            evaluation(bench, size);
        }
    }
}

fn update(bench: &Bench, size: Size) {
    let name = format!("update/{}", size.name());
    if !bench.wants(&name) {
        return;
    }
    let architecture = size.config().architecture;
    let mut trainer = Trainer::new(size.supernet(), &TrainConfig::default(), 1);
    let batches = [batch()];
    let mut done = 0;
    bench.measure(&name, size.update_work(), || {
        done += 1;
        trainer.update(&architecture, &batches, done).expect("the architecture is the supernet's own")
    });
}

fn evaluation(bench: &Bench, size: Size) {
    let name = format!("evaluate/{}", size.name());
    if !bench.wants(&name) {
        return;
    }
    let model = size.model();
    let batch = batch();
    bench.measure(&name, size.evaluation_work(), || evaluate(&model, sentences(&batch), &EVALUATED).0);
}

fn sentences(batch: &Batch) -> Sentences<'_> {
    Sentences { source: &batch.source, previous: &batch.prev_output, target: &batch.target, batch: batch.sentences }
}
