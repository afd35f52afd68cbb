//! Products of rows with weights of the shapes that evaluation and decoding are made of.

use crate::harness::{Bench, INFERENCE, Work};
use crate::models::{product, random};

/// Rows × inner × columns.
const SHAPES: [[usize; 3]; 6] =
    [[1024, 512, 2048], [1024, 256, 1024], [1024, 128, 512], [170, 512, 2048], [5, 512, 2048], [1024, 128, 10_000]];

pub fn run(bench: &Bench) {
    for [m, k, n] in SHAPES {
        let (a, b) = (random([m, k], 1), random([n, k], 2));
        let work = Work { flops: 2.0 * (m * k * n) as f64, bytes: 0.0 };
        bench.measure_precisions(&format!("product/{m}x{k}x{n}"), work, &INFERENCE, |precision| {
            product(a.clone(), b.clone(), precision)
        });
    }
}
