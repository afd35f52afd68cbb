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
    let architecture = size.config().architecture;
    bench.measure_precisions(&format!("update/{}", size.name()), size.update_work(), |precision| {
        let config = TrainConfig { precision, ..TrainConfig::default() };
        let mut trainer = Trainer::new(size.supernet(), &config, 1);
        let (batches, mut done, architectures) = ([batch()], 0, [architecture.clone()]);
        move || {
            done += 1;
            trainer.update(&architectures, &batches, done).expect("the architecture is the supernet's own")
        }
    });
}

fn evaluation(bench: &Bench, size: Size) {
    bench.measure_precisions(&format!("evaluate/{}", size.name()), size.evaluation_work(), |precision| {
        let (model, batch) = (size.model(precision), batch());
        move || evaluate(&model, sentences(&batch), &EVALUATED).0
    });
}

fn sentences(batch: &Batch) -> Sentences<'_> {
    Sentences { source: &batch.source, previous: &batch.prev_output, target: &batch.target, batch: batch.sentences }
}
