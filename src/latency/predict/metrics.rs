//! How good predictions are: RMSE, MAPE, R² and Kendall's τ-b.

use serde::{Deserialize, Serialize};

/// Errors of predictions against measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of measurements.
    pub rows: usize,
    /// Root mean squared error, milliseconds.
    pub rmse_ms: f64,
    /// Mean absolute error relative to the measurement, as a fraction (0.05 is 5 %).
    pub mape: f64,
    /// Coefficient of determination; none where all measurements are equal.
    pub r2: Option<f64>,
    /// Kendall's τ-b; none where all measurements or all predictions are equal.
    pub kendall_tau: Option<f64>,
}

impl Metrics {
    /// Compares predictions with measurements, row by row; both in milliseconds, of the same length and not empty.
    pub fn of(measured: &[f64], predicted: &[f64]) -> Self {
        let rows = measured.len();
        let pairs = || measured.iter().zip(predicted);
        let squared: f64 = pairs().map(|(y, p)| (y - p).powi(2)).sum();
        let relative: f64 = pairs().map(|(y, p)| ((y - p) / y).abs()).sum();
        let mean = measured.iter().sum::<f64>() / rows as f64;
        let spread: f64 = measured.iter().map(|y| (y - mean).powi(2)).sum();
        Self {
            rows,
            rmse_ms: (squared / rows as f64).sqrt(),
            mape: relative / rows as f64,
            r2: (spread > 0.0).then(|| 1.0 - squared / spread),
            kendall_tau: kendall_tau(measured, predicted),
        }
    }
}

/// Kendall's τ-b in O(n log n) (W. R. Knight, 1966): sort by the first variable, then count the exchanges that sorting by
/// the second needs.
///
/// None where either variable is constant, or there are fewer than two rows.
pub fn kendall_tau(a: &[f64], b: &[f64]) -> Option<f64> {
    let mut pairs: Vec<(f64, f64)> = a.iter().copied().zip(b.iter().copied()).collect();
    pairs.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let all = pairs_among(pairs.len());
    let tied_a = tied(pairs.iter().map(|pair| pair.0));
    let tied_both = tied(pairs.iter().copied());
    let mut second: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = sort_counting_exchanges(&mut second);
    let tied_b = tied(second.iter().copied());
    let scale = (all - tied_a) * (all - tied_b);
    (scale > 0.0).then(|| (all - tied_a - tied_b + tied_both - 2.0 * discordant as f64) / scale.sqrt())
}

fn pairs_among(n: usize) -> f64 {
    n as f64 * (n as f64 - 1.0) / 2.0
}

/// Pairs of equal values in a sequence whose equal values are neighbours.
fn tied<T: PartialEq>(values: impl Iterator<Item = T>) -> f64 {
    let (mut pairs, mut run, mut previous) = (0.0, 0, None);
    for value in values {
        run = if previous.as_ref() == Some(&value) { run + 1 } else { 0 };
        pairs += run as f64;
        previous = Some(value);
    }
    pairs
}

/// Merge sort; returns how many exchanges of neighbours a bubble sort would have made.
fn sort_counting_exchanges(values: &mut [f64]) -> u64 {
    let middle = values.len() / 2;
    if middle == 0 {
        return 0;
    }
    let (left, right) = values.split_at_mut(middle);
    let mut exchanges = sort_counting_exchanges(left) + sort_counting_exchanges(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            merged.push(left[i]);
            i += 1;
        } else {
            exchanges += (left.len() - i) as u64;
            merged.push(right[j]);
            j += 1;
        }
    }
    values.copy_from_slice(&merged);
    exchanges
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// τ-b by its definition, in O(n²).
    fn tau_by_definition(a: &[f64], b: &[f64]) -> Option<f64> {
        let sign = |d: f64| if d == 0.0 { 0.0 } else { d.signum() };
        let (mut sum, mut in_a, mut in_b) = (0.0, 0.0, 0.0);
        for i in 0..a.len() {
            for j in 0..i {
                let (da, db) = (sign(a[i] - a[j]), sign(b[i] - b[j]));
                sum += da * db;
                in_a += da * da;
                in_b += db * db;
            }
        }
        (in_a * in_b > 0.0).then(|| sum / f64::sqrt(in_a * in_b))
    }

    #[test]
    fn figures_of_a_small_example() {
        let metrics = Metrics::of(&[10.0, 20.0, 40.0], &[11.0, 18.0, 40.0]);
        assert!((metrics.rmse_ms - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((metrics.mape - 0.2 / 3.0).abs() < 1e-12);
        let spread = 1400.0 / 3.0;
        assert!((metrics.r2.unwrap() - (1.0 - 5.0 / spread)).abs() < 1e-12);
        assert_eq!(metrics.kendall_tau, Some(1.0));
    }

    #[test]
    fn constant_measurements_have_no_rank_or_spread() {
        let metrics = Metrics::of(&[10.0, 10.0], &[9.0, 11.0]);
        assert_eq!((metrics.r2, metrics.kendall_tau), (None, None));
    }

    proptest! {
        #[test]
        fn tau_agrees_with_its_definition(rows in prop::collection::vec((0i32..8, 0i32..8), 0..40)) {
            let a: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let b: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
            match (kendall_tau(&a, &b), tau_by_definition(&a, &b)) {
                (Some(fast), Some(slow)) => prop_assert!((fast - slow).abs() < 1e-12),
                (fast, slow) => prop_assert_eq!(fast, slow),
            }
        }
    }
}
