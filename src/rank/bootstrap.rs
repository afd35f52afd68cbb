//! Intervals by the bootstrap (B. Efron, 1979): figures of many samples drawn with replacement from the one that there is.

use crate::seed;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Samples that are drawn.
const RESAMPLES: u64 = 1_000;

/// The least and the most of a figure, with a confidence of 95 %: the percentiles 2.5 and 97.5 of the figures of the resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval(pub f64, pub f64);

impl Interval {
    /// That of the resamples' `figures`; none where most of them have none.
    pub(super) fn of(figures: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        let figures: Vec<Option<f64>> = figures.collect();
        let mut known: Vec<f64> = figures.iter().copied().flatten().collect();
        if known.is_empty() || 2 * known.len() < figures.len() {
            return None;
        }
        known.sort_by(f64::total_cmp);
        Some(Self(percentile(&known, 0.025), percentile(&known, 0.975)))
    }
}

/// The value that `share` of `sorted` lie below, between two of them in proportion.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, rest) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - rest) + sorted[above] * rest
}

/// The resamples of `count` things, as their places.
pub(super) fn resamples(count: usize, seed: u64) -> Vec<Vec<usize>> {
    let resample = |index| {
        let mut random = seed::stream(seed, "rank bootstrap", index);
        (0..count).map(|_| random.random_range(0..count)).collect()
    };
    (0..RESAMPLES).map(resample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_values_in_proportion() {
        let figures = (0..=100).rev().map(|figure| Some(f64::from(figure)));
        assert_eq!(Interval::of(figures), Some(Interval(2.5, 97.5)));
        assert_eq!(Interval::of([Some(3.0)].into_iter()), Some(Interval(3.0, 3.0)));
        assert_eq!(Interval::of([Some(3.0), None, None].into_iter()), None);
        assert_eq!(Interval::of(std::iter::empty()), None);
    }

    /// The mean of 400 numbers, half of them 0 and half 1: its standard error is 0.5 / √400, and 95 % lie within 1.96 of these.
    #[test]
    fn the_interval_of_a_mean_is_that_of_its_standard_error() {
        let value = |place: &usize| (place % 2) as f64;
        let mean = |places: &Vec<usize>| Some(places.iter().map(value).sum::<f64>() / 400.0);
        let resamples = resamples(400, 3);
        assert_eq!(resamples, super::resamples(400, 3));
        let Interval(low, high) = Interval::of(resamples.iter().map(mean)).unwrap();
        assert!((low - 0.451).abs() < 0.008 && (high - 0.549).abs() < 0.008, "{low} {high}");
    }
}
