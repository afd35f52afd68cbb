//! One mixture-of-experts sublayer: routing, sorting, experts, scattering.

use crate::harness::{Bench, Work};
use crate::models::{LENGTH, SENTENCES, Size, random};
use automoe::config::Precision;
use automoe::model::Pass;

pub fn run(bench: &Bench) {
    for width in [128, 256, 512] {
        for experts in [2, 6, 16] {
            let name = format!("routing/{width}/experts-{experts}");
            if !bench.wants(&name) {
                continue;
            }
            let model = Size { width, layers: 1, experts }.model(Precision::Float32);
            let layer = model.encoder.layers[0].moe.as_ref().expect("the layer has experts");
            let rows = SENTENCES * LENGTH;
            let x = random([rows, width], 1);
            let network = 8.0 * (width * width) as f64;
            let work = Work { flops: 2.0 * rows as f64 * network, bytes: 4.0 * network * experts as f64 };
            bench.measure(&name, work, || layer.forward(x.clone(), 0, &Default::default(), &mut Pass::inference()).0);
        }
    }
}
