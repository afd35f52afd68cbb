//! Latency of real decoding: one sentence, beam rows, a key/value cache that grows step by step.
//!
//! The sentence and the rows hold different tokens, drawn once: on equal ones a router would send everything to one
//! expert. The tokens that are fed do not depend on the weights; of these, latency depends on the routers' only, by how
//! many experts the tokens go to.

use super::timing::Timing;
use super::undisturbed::Undisturbed;
use crate::model::{Pass, Transformer};
use crate::pool::in_pool;
use crate::seed;
use crate::text::{EOS, UNK};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Passes before the timed ones, fewer where they take longer than the timed ones may.
const WARM_UP: usize = 5;
/// Passes that are timed however long they take.
const FEWEST: usize = 5;
/// Relative precision beyond which the device is not to be trusted, where no wider one is wanted.
const UNSURE: f64 = 0.05;
/// Relative deviation of the passes beyond which the device is not to be trusted, however many there were.
const RESTLESS: f64 = 0.1;
/// What is timed for less than this may have caught one state of the device only.
const SHORTEST: Duration = Duration::from_secs(1);
/// Passes before the precision is looked at for the first time; then after half as many again, and so on. Looking after each
/// pass would stop where the interval is narrow by chance.
const FIRST_LOOK: usize = 20;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Timed passes at most; one at least.
    pub passes: usize,
    /// Timing stops once the total is known within this fraction of it; never for 0.
    pub precision: f64,
    /// Timing stops after this long, on devices that are slow.
    pub time: Duration,
}

/// Latency of a model on one device, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// One pass of the encoder over the dummy sentence.
    pub encoder: Timing,
    /// Decoding of as many tokens.
    pub decoder: Timing,
    /// Where the sum of both means lies, in the sense of [`Timing::interval_ms`].
    #[serde(default)]
    pub interval_ms: Option<[f64; 2]>,
    /// Timed passes.
    #[serde(default)]
    pub passes: usize,
}

impl Latency {
    /// Encoder and decoder together.
    pub fn total_ms(&self) -> f64 {
        self.encoder.mean_ms + self.decoder.mean_ms
    }

    /// How far the interval reaches above the total, over the total; none where there is no interval.
    pub fn relative_precision(&self) -> Option<f64> {
        self.interval_ms.map(|[_, high]| high / self.total_ms() - 1.0)
    }

    /// Whether the total is known within `precision`, a fraction of it.
    pub fn is_within(&self, precision: f64) -> bool {
        self.relative_precision().is_some_and(|reached| reached <= precision)
    }

    /// Why the device was too noisy to trust the figures, which are wanted within `precision` (a fraction) if they can be had;
    /// none where it was not.
    pub fn noise(&self, precision: f64) -> Option<String> {
        let percent = |fraction: f64| 100.0 * fraction;
        let Some(reached) = self.relative_precision() else {
            return Some(format!("{} passes are too few to tell how noisy the device is", self.passes));
        };
        if reached > precision.max(UNSURE) {
            return Some(format!("by {} passes the latency is known to ±{:.1} % only", self.passes, percent(reached)));
        }
        let spread = |timing: &Timing| timing.deviation_ms / timing.mean_ms;
        let spread = spread(&self.encoder).max(spread(&self.decoder));
        (spread > RESTLESS).then(|| format!("passes differ by {:.0} % even without the extreme ones", percent(spread)))
    }
}

/// Measures `model` on a dummy sentence of `length` tokens with `beam` rows; `after_pass` is told of every timed pass.
pub fn measure<'a>(
    model: &'a Transformer,
    length: usize,
    beam: usize,
    effort: Effort,
    after_pass: &dyn Fn(),
) -> Measurement<'a> {
    let mut measurement = Measurement::new(model, length, beam);
    let begin = Instant::now();
    for _ in 0..WARM_UP {
        measurement.warm_up(1);
        if begin.elapsed() > effort.time {
            break;
        }
    }
    let (begin, mut look) = (Instant::now(), FIRST_LOOK);
    while measurement.passes() < effort.passes.max(1) {
        if measurement.passes() >= FEWEST && begin.elapsed() >= effort.time {
            break;
        }
        measurement.pass();
        after_pass();
        if measurement.passes() == look {
            if begin.elapsed() >= SHORTEST && measurement.latency().is_within(effort.precision) {
                break;
            }
            look += look / 2;
        }
    }
    measurement
}

/// A measurement under way: passes may be timed at any moment, so that several models can take turns.
pub struct Measurement<'a> {
    model: &'a Transformer,
    /// The dummy sentence.
    source: Vec<u32>,
    /// What every row is fed, step by step.
    targets: Vec<Vec<u32>>,
    /// Of every pass, the milliseconds of the encoder and of each step of the decoder.
    passes: Vec<Vec<f64>>,
}

impl<'a> Measurement<'a> {
    /// Nothing timed yet; `length` tokens and `beam` rows, one at least of each.
    pub fn new(model: &'a Transformer, length: usize, beam: usize) -> Self {
        let vocab = model.config().source_vocab.min(model.config().target_vocab) as u32;
        let mut random = seed::stream(0, "latency tokens", 0);
        let mut tokens = |count: usize| -> Vec<u32> {
            let first = (UNK + 1).min(vocab - 1);
            (0..count).map(|_| random.random_range(first..vocab)).collect()
        };
        let mut source = tokens(length);
        source[length - 1] = EOS;
        let mut targets = vec![vec![EOS; beam]];
        targets.extend((1..length).map(|_| tokens(beam)));
        Self { model, source, targets, passes: Vec::new() }
    }

    /// Runs `passes` without timing them.
    pub fn warm_up(&self, passes: usize) {
        for _ in 0..passes {
            self.run();
        }
    }

    /// Times one pass of the encoder and the decoding of its output; returns what both took, milliseconds.
    pub fn pass(&mut self) -> f64 {
        let pieces = self.run();
        let total = pieces.iter().sum();
        self.passes.push(pieces);
        total
    }

    /// Passes timed so far.
    pub fn passes(&self) -> usize {
        self.passes.len()
    }

    /// What was timed so far; one pass at least.
    pub fn latency(&self) -> Latency {
        let timing = |ms: fn(&[f64]) -> f64| Timing::of(&self.passes.iter().map(|pass| ms(pass)).collect::<Vec<_>>());
        let (encoder, decoder) = (timing(|pass| pass[0]), timing(|pass| pass[1..].iter().sum()));
        let total = timing(|pass| pass.iter().sum());
        let sum = encoder.mean_ms + decoder.mean_ms;
        // The trimmed mean of the sums is nearly, not quite, the sum of the trimmed means.
        let interval_ms = total.interval_ms.map(|ends| ends.map(|end| (sum + end - total.mean_ms).max(0.0)));
        Latency { encoder, decoder, interval_ms, passes: self.passes() }
    }

    /// What the passes timed so far take where nothing disturbs them; one pass at least.
    pub fn undisturbed(&self) -> Undisturbed {
        Undisturbed::of(&self.passes)
    }

    /// Milliseconds of the encoder and of each step of the decoder.
    fn run(&self) -> Vec<f64> {
        in_pool(|| self.run_here())
    }

    fn run_here(&self) -> Vec<f64> {
        let mut pieces = Vec::with_capacity(1 + self.targets.len());
        let mut start = Instant::now();
        let mut piece = || {
            let now = Instant::now();
            pieces.push((now - start).as_secs_f64() * 1e3);
            start = now;
        };
        let memory = self.model.encode(&self.source, 1, &mut Pass::inference());
        memory.wait();
        piece();
        let mut pass = Pass::inference();
        let mut cache = self.model.start(&memory);
        for (step, tokens) in self.targets.iter().enumerate() {
            let logits = self.model.step(tokens, step, &mut cache, &mut pass);
            // Greedy decoding's look at every step's scores; the next tokens are given.
            logits.argmax(1).into_data();
            piece();
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(interval_ms: Option<[f64; 2]>, deviation_ms: f64) -> Latency {
        let timing = Timing { mean_ms: 50.0, median_ms: 50.0, deviation_ms, interval_ms: None };
        Latency { encoder: timing, decoder: timing, interval_ms, passes: 40 }
    }

    #[test]
    fn noise_is_told_with_its_reason() {
        assert_eq!(latency(Some([98.0, 102.0]), 1.0).noise(0.01), None);
        let few = latency(None, 0.0).noise(0.01).unwrap();
        assert!(few.starts_with("40 passes are too few"), "{few}");
        let wide = latency(Some([93.0, 107.0]), 1.0).noise(0.01).unwrap();
        assert_eq!(wide, "by 40 passes the latency is known to ±7.0 % only");
        assert_eq!(latency(Some([93.0, 107.0]), 1.0).noise(0.1), None);
        let restless = latency(Some([99.5, 100.5]), 10.0).noise(0.01).unwrap();
        assert_eq!(restless, "passes differ by 20 % even without the extreme ones");
    }

    #[test]
    fn results_from_before_there_were_intervals_are_read() {
        let part = r#"{"mean_ms":1.0,"median_ms":1.0,"deviation_ms":0.1}"#;
        let read: Latency = serde_json::from_str(&format!(r#"{{"encoder":{part},"decoder":{part}}}"#)).unwrap();
        assert_eq!((read.total_ms(), read.interval_ms), (2.0, None));
    }
}
