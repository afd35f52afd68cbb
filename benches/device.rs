//! A graphics card: `cargo bench -- device [--device=cuda]`. What it does at most, by one large product and one large array
//! that is gone through, and updates, evaluations and beam searches as ratios to that. Only when asked for by that name.

use crate::beam;
use crate::harness::{Bench, best_time, round};
use crate::models::{LENGTH, SENTENCES, Size, VOCAB, batch, random};
use crate::training::{EVALUATED, sentences};
use crate::work::Work;
use automoe::config::{Precision, TrainConfig};
use automoe::cost::memory::{LargestBatch, Trained, batch_bytes, training_bytes};
use automoe::device::{card, parse};
use automoe::model::Supernet;
use automoe::model::loss::evaluate;
use automoe::model::precision::{Products, resolve};
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::weights::{WeightSharing, elements};
use automoe::train::Trainer;
use burn::tensor::{Device, Tensor};
use serde_json::json;
use std::sync::Arc;

const WIDTHS: [usize; 4] = [128, 256, 512, 1024];
const EXPERTS: [usize; 3] = [0, 6, 16];

pub fn run(bench: &Bench) {
    let device = match parse(bench.device()) {
        Ok(device) => device,
        Err(error) => return println!("{}", json!({"name": "device", "skipped": error.to_string()})),
    };
    let card = Card::new(bench, device);
    // A driver on the CPU has no time for more.
    let layers = if bench.quick() { 2 } else { 6 };
    for width in WIDTHS {
        for experts in EXPERTS {
            card.model(bench, Size { width, layers, experts });
        }
    }
}

struct Card {
    device: Device,
    /// FLOPs a second for each precision that it computes in.
    flops_per_second: Vec<(Precision, f64)>,
    bytes_per_second: f64,
}

impl Card {
    fn new(bench: &Bench, device: Device) -> Self {
        let [rows, floats] = if bench.quick() { [512, 1 << 22] } else { [8192, 1 << 28] };
        let precisions = [Precision::Float32, Precision::Float16, Precision::Bfloat16].into_iter();
        let computed = precisions.filter(|&precision| resolve("train.precision", precision, &device).is_ok());
        let speed = |precision| {
            let dtype = Products::new(precision, &device).dtype;
            let [a, b] = [1, 2].map(|seed| random([rows, rows], seed).to_device(&device).cast(dtype));
            let seconds = best_time(bench.quick(), &mut || finished(a.clone().matmul(b.clone().transpose())));
            (precision, 2.0 * (rows as f64).powi(3) / seconds)
        };
        let flops_per_second: Vec<_> = computed.map(speed).collect();
        let array = Tensor::<1>::ones([floats], &device);
        let seconds = best_time(bench.quick(), &mut || finished(array.clone() + 1.0));
        let bytes_per_second = 8.0 * floats as f64 / seconds;
        let mut line = json!({
            "name": "device/card",
            "device": card(&device).map(|card| card.name),
            "bytes_per_second": bytes_per_second.round(),
        });
        for (precision, speed) in &flops_per_second {
            line[format!("{precision}_flops_per_second")] = json!(speed.round());
        }
        println!("{line}");
        Self { device, flops_per_second, bytes_per_second }
    }

    fn model(&self, bench: &Bench, size: Size) {
        for &speed in &self.flops_per_second {
            let precision = speed.0;
            let supernet = || Supernet::init(size.config(), Arc::new(LeadingSlice), 1, &self.device);
            let architecture = [size.config().architecture];
            self.device.memory_cleanup();
            self.measure(bench, "update", size, speed, size.update_work(), || {
                let config = TrainConfig { precision, ..TrainConfig::default() };
                let (mut trainer, batches, mut done) = (Trainer::new(supernet(), &config, 1), [batch()], 0);
                let architecture = &architecture;
                move || {
                    done += 1;
                    // It reads the losses, and so waits for all that stands before them.
                    trainer.update(architecture, &batches, done).expect("the architecture is the supernet's own");
                }
            });
            let model = || {
                let model = supernet().cut(&architecture[0], false).expect("the whole supernet fits");
                model.with_products(Products::new(precision, &self.device))
            };
            self.measure(bench, "evaluate", size, speed, size.evaluation_work(), || {
                let (model, batch) = (model(), batch());
                move || drop(evaluate(&model, sentences(&batch), &EVALUATED))
            });
            self.measure(bench, "beam", size, speed, beam::work(size), || beam::searched(model()));
        }
    }

    fn measure<R: FnMut()>(
        &self,
        bench: &Bench,
        what: &str,
        size: Size,
        (precision, flops_per_second): (Precision, f64),
        work: Work,
        make: impl FnOnce() -> R,
    ) {
        let name = format!("device/{what}/{}/{precision}", size.name());
        if !bench.wants(&name) {
            return;
        }
        let mut run = make();
        let seconds = best_time(bench.quick(), &mut || {
            run();
            self.device.sync().expect("the device computes");
        });
        let limit = work.flops / flops_per_second + work.bytes / self.bytes_per_second;
        let mut line = json!({
            "name": name,
            "seconds": round(seconds),
            "limit_seconds": round(limit),
            "ratio_to_limit": round(seconds / limit),
        });
        if what == "update" {
            line["counted_bytes"] = json!(counted_bytes(size));
            line["reserved_bytes"] = json!(card(&self.device).map(|card| card.reserved_bytes));
        }
        println!("{line}");
    }
}

/// What an update on a batch should take of the card's memory.
fn counted_bytes(size: Size) -> u64 {
    let config = size.config();
    let weights = elements(&LeadingSlice.parameters(&config)) as u64;
    let trained = Trained { parameters: weights, moved: weights, subnet: weights, sums: false, several: false };
    let batch = LargestBatch { tokens: SENTENCES * LENGTH, length: LENGTH, taught: false };
    training_bytes(trained) + batch_bytes(&config.architecture, config.qkv_dim, VOCAB, batch)
}

/// Waits until `result` is there.
fn finished<const D: usize>(result: Tensor<D>) {
    result.device().sync().expect("the device computes");
}
