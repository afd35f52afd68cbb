//! What repeated times tell: their mean, their spread, and how far the means of other runs may lie from it.

use serde::{Deserialize, Serialize};

/// Share of the passes that is dropped at either end before the mean, one in so many.
const TRIMMED: usize = 10;
/// Parts of the run that the interval rests on, see [`parts`].
const PARTS: usize = 8;
/// Passes, each a part of its own, that it rests on at least.
const FEWEST_PARTS: usize = 4;

/// Times of many passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Mean without the lowest and the highest tenth.
    pub mean_ms: f64,
    /// The middle of all passes.
    pub median_ms: f64,
    /// Standard deviation of the passes that the mean is of.
    pub deviation_ms: f64,
    /// Where one more part (an eighth or less) of the run would lie 95 times of 100, and other runs should, if the device drifts
    /// then as it did during this one; none of fewer than four passes.
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
            interval_ms: reach.map(|reach| [(mean - reach).max(0.0), mean + reach]),
        }
    }

    /// How far the interval reaches above the mean, over the mean; none where there is no interval.
    pub fn relative_precision(&self) -> Option<f64> {
        self.interval_ms.map(|[_, high]| high / self.mean_ms - 1.0)
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

/// Half the width of the interval; none of fewer than [`FEWEST_PARTS`] times.
///
/// The means of longer runs are no nearer to each other where the device drifts on every time scale, as a shared machine
/// does (flicker noise: its clock rate, its other load), and what shrinks with the root of the count would promise too
/// much. So another run is taken to lie from this one as a part of this one lies from the others: the prediction interval
/// of one more part.
///
/// The trimmed mean varies like the mean of the times cut off at the ends of what is kept, over the kept share (Tukey and
/// McLaughlin, 1963).
fn half_width(times: &[f64], least: f64, largest: f64) -> Option<f64> {
    if times.len() < FEWEST_PARTS {
        return None;
    }
    let cut_off: Vec<f64> = times.iter().map(|time| time.clamp(least, largest)).collect();
    let kept = trimmed(times).len() as f64 / times.len() as f64;
    let parts: Vec<f64> = parts(&cut_off, PARTS).map(mean).collect();
    let count = parts.len() as f64;
    Some(student_quantile(parts.len() - 1) * (variance(&parts) * (1.0 + 1.0 / count)).sqrt() / kept)
}

/// `values` in `count` to `2 count - 1` equal parts, in their order, or one by one where they are fewer. The last few may
/// belong to none.
pub(super) fn parts<T>(values: &[T], count: usize) -> std::slice::ChunksExact<'_, T> {
    values.chunks_exact((values.len() / count).max(1))
}

/// The variance of what two or more `values` are drawn from.
pub(super) fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// The 97.5 % quantile of Student's t for 3 to 14 degrees of freedom; beyond, that of the nearest of these.
pub(super) fn student_quantile(freedom: usize) -> f64 {
    const FROM_3: [f64; 12] = [3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145];
    FROM_3[freedom.clamp(3, 14) - 3]
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
        assert!(steady < 0.006, "{steady}");
        assert!((0.02..0.1).contains(&drifting), "{drifting}");
        assert_eq!(Timing::of(&[1.0, 2.0, 3.0]).interval_ms, None);
        assert_eq!(Timing::of(&[1.0, 1.0, 1.0, 10.0]).interval_ms.unwrap()[0], 0.0, "no time is negative");
    }
}
