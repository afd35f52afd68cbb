//! Latency of real decoding: one sentence, beam rows, a key/value cache that grows step by step.

use crate::model::{Pass, Transformer};
use crate::text::EOS;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Passes before the timed ones.
const WARM_UP: usize = 5;
/// Timing stops after this long, on devices that are slow …
const ENOUGH: Duration = Duration::from_secs(5);
/// … but not before so many passes.
const FEWEST: usize = 5;
/// Any token that is not a special symbol.
const TOKEN: u32 = 7;

/// Latency of a model on one device, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// One pass of the encoder over the dummy sentence.
    pub encoder: Timing,
    /// Greedy decoding of as many tokens.
    pub decoder: Timing,
}

impl Latency {
    /// Encoder and decoder together.
    pub fn total_ms(&self) -> f64 {
        self.encoder.mean_ms + self.decoder.mean_ms
    }
}

/// Times of many passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Mean without the lowest and the highest tenth.
    pub mean_ms: f64,
    /// The middle of all passes.
    pub median_ms: f64,
    /// Standard deviation of the passes that the mean is of.
    pub deviation_ms: f64,
}

/// Measures `model` on a dummy sentence of `length` tokens with `beam` rows; `passes` (one at least) are timed of each stack, fewer
/// where they take long.
pub fn measure(model: &Transformer, length: usize, beam: usize, passes: usize) -> Latency {
    let vocab = model.config().source_vocab.min(model.config().target_vocab) as u32;
    let mut source = vec![TOKEN.min(vocab - 1); length];
    source[length - 1] = EOS;
    let encode = || model.encode(&source, 1, &mut Pass::inference());
    let encoder = time(passes, || encode().wait());
    let memory = encode();
    let decoder = time(passes, || {
        let mut pass = Pass::inference();
        let mut cache = model.start(&memory);
        let mut tokens = vec![EOS; beam];
        for step in 0..length {
            let logits = model.step(&tokens, step, &mut cache, &mut pass);
            let next: Vec<i32> = logits.argmax(1).into_data().iter::<i32>().collect();
            tokens = next.into_iter().map(|token| token as u32).collect();
        }
    });
    Latency { encoder, decoder }
}

fn time(passes: usize, mut pass: impl FnMut()) -> Timing {
    let begin = Instant::now();
    for _ in 0..WARM_UP {
        pass();
        if begin.elapsed() > ENOUGH {
            break;
        }
    }
    let begin = Instant::now();
    let mut times = Vec::with_capacity(passes);
    while times.len() < FEWEST.min(passes.max(1)) || (times.len() < passes && begin.elapsed() < ENOUGH) {
        let start = Instant::now();
        pass();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    summarise(&mut times)
}

fn summarise(times: &mut [f64]) -> Timing {
    times.sort_by(f64::total_cmp);
    let tenth = times.len() / 10;
    let kept = &times[tenth..times.len() - tenth];
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / kept.len() as f64;
    Timing { mean_ms: mean, median_ms: times[times.len() / 2], deviation_ms: variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_leaves_the_extremes_out() {
        let mut times: Vec<f64> = (1..=20).map(f64::from).collect();
        (times[0], times[19]) = (1e6, 0.0);
        let timing = summarise(&mut times);
        assert_eq!(timing.mean_ms, 10.5);
        assert_eq!(timing.median_ms, 11.0);
        assert_eq!(summarise(&mut [3.0]).deviation_ms, 0.0);
    }
}
