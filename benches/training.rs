//! Whole updates and evaluations.

use crate::harness::{Bench, TRAINING, Work};
use crate::models::{Size, batch};
use automoe::config::{TrainConfig, WeightSharingName};
use automoe::model::Supernet;
use automoe::model::loss::{Objective, Sentences, evaluate};
use automoe::model::weights::rules::of_config;
use automoe::text::Batch;
use automoe::train::Trainer;
use burn::tensor::Device;

pub const EVALUATED: Objective =
    Objective { label_smoothing: 0.1, encoder_load_balance: 0.01, decoder_load_balance: 0.01 };

/// Widths and layers of either stack, smallest first.
pub const SIZES: [(usize, usize); 3] = [(128, 3), (256, 3), (512, 6)];

pub fn run(bench: &Bench) {
    for (width, layers) in SIZES {
        for experts in [0, 2, 6, 16] {
            let size = Size { width, layers, experts };
            update(bench, &format!("update/{}", size.name()), size, 1, &TrainConfig::default());
            evaluation(bench, size);
        }
        let size = Size { width, layers, experts: 2 };
        for weights in WeightSharingName::all() {
            let name = format!("update-{}/{}", weights.as_str(), size.name());
            update(bench, &name, size, 4, &TrainConfig { weights, ..TrainConfig::default() });
        }
    }
}

/// An update on so many batches of 1024 tokens on either side.
fn update(bench: &Bench, name: &str, size: Size, batches: usize, config: &TrainConfig) {
    let work = Work { flops: batches as f64 * size.update_work().flops, ..size.update_work() };
    bench.measure_precisions(name, work, &TRAINING, |precision| {
        let config = TrainConfig { precision, ..config.clone() };
        let sharing = of_config(&config).expect("a rule of the catalog");
        let mut trainer = Trainer::new(Supernet::init(size.config(), sharing, 1, &Device::flex()), &config, 1);
        let batches: Vec<Batch> = (0..batches).map(|_| batch()).collect();
        let (mut done, architectures) = (0, [size.config().architecture]);
        move || {
            done += 1;
            trainer.update(&architectures, &batches, done).expect("the architecture is the supernet's own")
        }
    });
}

fn evaluation(bench: &Bench, size: Size) {
    bench.measure_precisions(&format!("evaluate/{}", size.name()), size.evaluation_work(), &TRAINING, |precision| {
        let (model, batch) = (size.model(precision), batch());
        move || evaluate(&model, sentences(&batch), &EVALUATED).0
    });
}

pub fn sentences(batch: &Batch) -> Sentences<'_> {
    Sentences { source: &batch.source, previous: &batch.prev_output, target: &batch.target, batch: batch.sentences }
}
