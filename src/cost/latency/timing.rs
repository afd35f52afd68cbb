//! What repeated times tell: their mean, their spread, and how far another run's mean may lie from this one.

use serde::{Deserialize, Serialize};

/// Share of the passes that is dropped at either end before the mean, one in so many.
const TRIMMED: usize = 10;
/// Blocks that the interval rests on at least.
const FEWEST_BLOCKS: usize = 4;
/// Quantile of the normal distribution for intervals of 95 %.
const NORMAL_QUANTILE: f64 = 1.959_964;

/// Times of many passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Mean without the lowest and the highest tenth.
    pub mean_ms: f64,
    /// The middle of all passes.
    pub median_ms: f64,
    /// Standard deviation of the passes that the mean is of.
    pub deviation_ms: f64,
    /// Where the mean lies with a confidence of 95 %; none of fewer than four passes.
    #[serde(default)]
    pub interval_ms: Option<[f64; 2]>,
}

impl Timing {
    /// Summarises times in milliseconds (one at least), in the order in which they were taken.
    pub fn of(times: &[f64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let kept = trimmed(&sorted);
        let mean = mean(kept);
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / kept.len() as f64;
        let reach = half_width(times, kept[0], kept[kept.len() - 1]);
        Self {
            mean_ms: mean,
            median_ms: sorted[sorted.len() / 2],
            deviation_ms: variance.sqrt(),
            interval_ms: reach.map(|reach| [mean - reach, mean + reach]),
        }
    }

    /// Half the interval's width over the mean; none where there is no interval.
    pub fn relative_precision(&self) -> Option<f64> {
        self.interval_ms.map(|[low, high]| (high - low) / (2.0 * self.mean_ms))
    }
}

/// `sorted` without a tenth at either end.
fn trimmed(sorted: &[f64]) -> &[f64] {
    let dropped = sorted.len() / TRIMMED;
    &sorted[dropped..sorted.len() - dropped]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Half the width of the trimmed mean's 95 % interval, by blocking (Flyvbjerg and Petersen, 1989).
///
/// The trimmed mean varies like the mean of the times cut off at the ends of what is kept, over the kept share (Tukey and
/// McLaughlin, 1963). Times near each other resemble each other (the clock rate, another program), so that the deviation of
/// single times would promise too much: the means of blocks of 1, 2, 4, … times are compared, and the widest interval that
/// any of them gives is taken.
fn half_width(times: &[f64], least: f64, largest: f64) -> Option<f64> {
    let mut blocks: Vec<f64> = times.iter().map(|time| time.clamp(least, largest)).collect();
    let kept = (times.len() - 2 * (times.len() / TRIMMED)) as f64 / times.len() as f64;
    let mut widest = None;
    while blocks.len() >= FEWEST_BLOCKS {
        let count = blocks.len() as f64;
        let middle = mean(&blocks);
        let variance = blocks.iter().map(|block| (block - middle).powi(2)).sum::<f64>() / (count - 1.0);
        let width = student_quantile(count - 1.0) * (variance / count).sqrt() / kept;
        widest = Some(width.max(widest.unwrap_or(0.0)));
        blocks = blocks.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
    }
    widest
}

/// The 97.5 % quantile of Student's t for three or more degrees of freedom, by its expansion around the normal one.
pub(super) fn student_quantile(freedom: f64) -> f64 {
    let z = NORMAL_QUANTILE;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn the_mean_leaves_the_extremes_out() {
        let mut times: Vec<f64> = (1..=20).map(f64::from).collect();
        (times[0], times[19]) = (1e6, 0.0);
        let timing = Timing::of(&times);
        assert_eq!(timing.mean_ms, 10.5);
        assert_eq!(timing.median_ms, 11.0);
        let one = Timing::of(&[3.0]);
        assert_eq!((one.deviation_ms, one.interval_ms, one.relative_precision()), (0.0, None, None));
    }

    #[test]
    fn quantiles_agree_with_tables() {
        for (freedom, quantile) in [(3.0, 3.182), (10.0, 2.228), (30.0, 2.042), (1e9, 1.960)] {
            assert!((student_quantile(freedom) - quantile).abs() < 0.03, "{freedom}");
        }
    }

    /// Times of `passes` passes on a device whose state lasts for `memory` passes and moves by `drift`, with noise that
    /// only slows down and now and then a pass that takes three times as long.
    fn run(index: u64, passes: usize, memory: f64, drift: f64) -> Vec<f64> {
        let mut random = seed::stream(1, "simulated passes", index);
        let keep = (-1.0 / memory).exp();
        let normal = |random: &mut rand_chacha::ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
        let mut state = normal(&mut random);
        (0..passes)
            .map(|_| {
                state = keep * state + (1.0 - keep * keep).sqrt() * normal(&mut random);
                let slow = if random.random_bool(0.02) { 3.0 } else { 1.0 };
                10.0 * slow * (1.0 + drift * state + 0.02 * normal(&mut random).abs())
            })
            .collect()
    }

    #[test]
    fn two_runs_agree_within_their_intervals() {
        for (memory, drift) in [(0.1, 0.0), (3.0, 0.02), (20.0, 0.03)] {
            let truth = Timing::of(&run(u64::MAX, 200_000, memory, drift)).mean_ms;
            let (mut held, mut agreed, pairs) = (0, 0, 200);
            for pair in 0..pairs {
                let [a, b] = [0, 1].map(|which| Timing::of(&run(2 * pair + which, 300, memory, drift)));
                let ([a_low, a_high], [b_low, b_high]) = (a.interval_ms.unwrap(), b.interval_ms.unwrap());
                held += u32::from((a_low..=a_high).contains(&truth)) + u32::from((b_low..=b_high).contains(&truth));
                agreed += u32::from(a_low <= b_high && b_low <= a_high);
            }
            let (held, agreed) = (f64::from(held) / (2 * pairs) as f64, f64::from(agreed) / pairs as f64);
            assert!(held > 0.94, "memory {memory}: {held} of the intervals hold the mean");
            assert!(agreed > 0.98, "memory {memory}: {agreed} of the pairs agree");
        }
    }

    #[test]
    fn intervals_are_not_wider_than_they_need_to_be() {
        let steady = Timing::of(&run(0, 300, 0.1, 0.0)).relative_precision().unwrap();
        assert!(steady < 0.005, "{steady}");
        let drifting = Timing::of(&run(0, 300, 20.0, 0.03)).relative_precision().unwrap();
        assert!(drifting > 0.005, "{drifting}");
    }
}
