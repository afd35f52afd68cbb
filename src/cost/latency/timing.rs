//! What repeated times tell: their mean, their spread, and how far the means of other runs may lie from it.

use serde::{Deserialize, Serialize};

/// Share of the passes that is dropped at either end before the mean, one in so many.
const TRIMMED: usize = 10;
/// Parts of the run that the interval rests on: from so many to one less than twice as many.
const PARTS: usize = 8;
/// Passes, each a part of its own, that it rests on at least.
const FEWEST_PARTS: usize = 4;
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
    /// Where the mean lies, here and in other runs, with a confidence of 95 % as long as the device changes no more than it
    /// did during this run; none of fewer than four passes.
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

/// Half the width of the 95 % interval; none of fewer than [`FEWEST_PARTS`] times.
///
/// Times near each other resemble each other, and not only for a moment: the clock rate and the load of a shared machine
/// move on every time scale (flicker noise), so that means of longer and longer stretches stay as far apart as those of
/// short ones. What shrinks with the root of the count would promise too much. So another run is expected to lie from this
/// one as the parts of this one lie from each other: the prediction interval of one more part.
///
/// The trimmed mean varies like the mean of the times cut off at the ends of what is kept, over the kept share (Tukey and
/// McLaughlin, 1963).
fn half_width(times: &[f64], least: f64, largest: f64) -> Option<f64> {
    if times.len() < FEWEST_PARTS {
        return None;
    }
    let mut parts: Vec<f64> = times.iter().map(|time| time.clamp(least, largest)).collect();
    while parts.len() >= 2 * PARTS {
        parts = parts.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
    }
    let count = parts.len() as f64;
    let middle = mean(&parts);
    let variance = parts.iter().map(|part| (part - middle).powi(2)).sum::<f64>() / (count - 1.0);
    let kept = (times.len() - 2 * (times.len() / TRIMMED)) as f64 / times.len() as f64;
    Some(student_quantile(count - 1.0) * (variance * (1.0 + 1.0 / count)).sqrt() / kept)
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

    /// Times of `passes` passes on a device whose state is the sum of `drifts`, each of which moves by its deviation and
    /// lasts for its memory, passes; with noise that only slows down and now and then a pass that takes three times as long.
    fn run(index: u64, passes: usize, drifts: &[(f64, f64)]) -> Vec<f64> {
        let mut random = seed::stream(1, "simulated passes", index);
        let normal = |random: &mut rand_chacha::ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
        let mut states: Vec<f64> = drifts.iter().map(|_| normal(&mut random)).collect();
        (0..passes)
            .map(|_| {
                let mut level = 1.0;
                for (state, (memory, deviation)) in states.iter_mut().zip(drifts) {
                    let keep = (-1.0 / memory).exp();
                    *state = keep * *state + (1.0 - keep * keep).sqrt() * normal(&mut random);
                    level += deviation * *state;
                }
                let slow = if random.random_bool(0.02) { 3.0 } else { 1.0 };
                10.0 * slow * (level + 0.02 * normal(&mut random).abs())
            })
            .collect()
    }

    /// Drift on every time scale, as shared machines have it.
    const FLICKER: [(f64, f64); 5] = [(1.0, 0.02), (10.0, 0.02), (100.0, 0.02), (1e3, 0.02), (1e4, 0.02)];

    #[test]
    fn two_runs_agree_within_their_intervals() {
        for (drifts, wanted) in [(&[][..], 0.98), (&[(3.0, 0.02)], 0.98), (&[(20.0, 0.03)], 0.98), (&FLICKER, 0.95)] {
            let pairs = 200;
            let agreed = (0..pairs).filter(|pair| {
                let [a, b] = [0, 1].map(|which| Timing::of(&run(2 * pair + which, 300, drifts)));
                let ([a_low, a_high], [b_low, b_high]) = (a.interval_ms.unwrap(), b.interval_ms.unwrap());
                a_low <= b_high && b_low <= a_high
            });
            let agreed = agreed.count() as f64 / pairs as f64;
            assert!(agreed > wanted, "drift {drifts:?}: {agreed} of the pairs agree");
        }
    }

    #[test]
    fn intervals_hold_the_mean_of_all_runs() {
        for drifts in [&[][..], &[(3.0, 0.02)], &[(20.0, 0.03)]] {
            let truth = Timing::of(&run(u64::MAX, 200_000, drifts)).mean_ms;
            let runs = 200;
            let held = (0..runs).filter(|&index| {
                let [low, high] = Timing::of(&run(index, 300, drifts)).interval_ms.unwrap();
                (low..=high).contains(&truth)
            });
            let held = held.count() as f64 / runs as f64;
            assert!(held > 0.95, "drift {drifts:?}: {held} of the intervals hold the mean");
        }
    }

    #[test]
    fn intervals_are_not_wider_than_they_need_to_be() {
        let precision = |drifts: &[(f64, f64)]| Timing::of(&run(0, 300, drifts)).relative_precision().unwrap();
        let (steady, drifting) = (precision(&[]), precision(&[(20.0, 0.03)]));
        assert!(steady < 0.01, "{steady}");
        assert!(drifting > 0.02, "{drifting}");
        assert_eq!(Timing::of(&[1.0, 2.0, 3.0]).interval_ms, None);
        assert!(Timing::of(&[1.0, 2.0, 3.0, 4.0]).interval_ms.is_some());
    }
}
