//! The optimizer's step on one matrix.

use crate::harness::{Bench, Work};
use crate::models::random;
use automoe::kernels::AdamStep;
use automoe::kernels::cpu::adam::step;

pub fn run(bench: &Bench) {
    for rows in [1024, 8192] {
        let shape = [rows, 1024];
        let gradient = random(shape, 1);
        let mut state = Some([2, 3, 4].map(|seed| random(shape, seed).abs()));
        let numbers =
            AdamStep { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, step_size: 1e-4, keep: 1.0, gradient_scale: 1.0 };
        let work = Work { flops: 0.0, bytes: 28.0 * (rows * 1024) as f64 };
        bench.measure(&format!("adam/{rows}x1024"), work, || {
            let [weight, first, second] = state.take().expect("put back below");
            state = Some(step([weight, first, second], Some(gradient.clone()), numbers));
        });
    }
}
