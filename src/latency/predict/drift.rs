//! The state of the device while the data were measured: clock rates, other load, a session begun anew.
//!
//! The ratio of measured to predicted latency is far from constant along such a file: in published data it jumps by up to
//! a quarter and stays there for hundreds of rows. Fitted blindly, those jumps become costs of operators. So the logarithm
//! of the ratio is cut into stretches of constant level, and the levels are taken out before the fit.

use crate::latency::statistics::{median, robust_deviation};

/// The shortest stretch, rows.
const SHORTEST: usize = 8;
/// Price of one more stretch, in squared deviations of the noise, times ln(rows). High, so that ordinary bursts of noise
/// are no stretches: chosen on training and validation rows of the five published files.
const PRICE: f64 = 45.0;
/// Rows each side of a running median.
const MEDIAN_REACH: usize = 15;
/// Deviations from the running median at which a value is cut off.
const CUT_OFF: f64 = 3.0;

/// The device's level at every row, and where the last stretch of constant level begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drift {
    /// Natural logarithm of the level, row by row.
    pub log_level: Vec<f64>,
    /// First row of the last stretch.
    pub last_start: usize,
}

impl Drift {
    /// A device that stayed as it was for `rows` rows.
    pub fn none(rows: usize) -> Self {
        Self { log_level: vec![0.0; rows], last_start: 0 }
    }

    /// Cuts the logarithms of measured over predicted, in file order, into stretches of constant level: the cuts that
    /// make the squared deviations plus the price of all stretches least (optimal partitioning, O(n²)).
    pub fn find(log_ratios: &[f64]) -> Self {
        let rows = log_ratios.len();
        let values = cut_off_outliers(log_ratios);
        let price = PRICE * (rows.max(2) as f64).ln();
        let sums = running_sums(values.iter().copied());
        let squares = running_sums(values.iter().map(|v| v * v));
        let mut best = vec![f64::INFINITY; rows + 1];
        let mut start_of = vec![0; rows + 1];
        best[0] = 0.0;
        for end in SHORTEST..=rows {
            for start in 0..=end - SHORTEST {
                let sum = sums[end] - sums[start];
                let spread = squares[end] - squares[start] - sum * sum / (end - start) as f64;
                let total = best[start] + spread + price;
                if total < best[end] {
                    best[end] = total;
                    start_of[end] = start;
                }
            }
        }
        if rows < SHORTEST {
            return Self::none(rows);
        }
        let scale = noise(log_ratios);
        let mut drift = Self::none(rows);
        drift.last_start = start_of[rows];
        let mut end = rows;
        while end > 0 {
            let start = start_of[end];
            let level = scale * (sums[end] - sums[start]) / (end - start) as f64;
            drift.log_level[start..end].fill(level);
            end = start;
        }
        drift
    }
}

/// Deviation of the noise between neighbouring rows, which no slow drift touches.
fn noise(values: &[f64]) -> f64 {
    robust_deviation(values.windows(2).map(|pair| pair[1] - pair[0])) / std::f64::consts::SQRT_2
}

/// Values in units of the noise, none further than [`CUT_OFF`] from the running median.
fn cut_off_outliers(values: &[f64]) -> Vec<f64> {
    let scale = noise(values);
    (0..values.len())
        .map(|row| {
            let near = row.saturating_sub(MEDIAN_REACH)..(row + MEDIAN_REACH + 1).min(values.len());
            let middle = median(values[near].iter().copied()) / scale;
            (values[row] / scale).clamp(middle - CUT_OFF, middle + CUT_OFF)
        })
        .collect()
}

fn running_sums(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sums = vec![0.0];
    sums.extend(values.scan(0.0, |sum, value| {
        *sum += value;
        Some(*sum)
    }));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise in ±`size` without structure along the rows.
    fn noisy(rows: usize, size: f64) -> Vec<f64> {
        (0..rows).map(|row| size * ((row as f64 * 12.9898).sin() * 43758.5453).fract()).collect()
    }

    #[test]
    fn a_jump_is_found_where_it_is() {
        let mut values = noisy(300, 0.02);
        values[120..].iter_mut().for_each(|value| *value += 0.2);
        let drift = Drift::find(&values);
        assert!(drift.last_start.abs_diff(120) <= 2, "{}", drift.last_start);
        assert!((drift.log_level[299] - drift.log_level[0] - 0.2).abs() < 0.01);
    }

    #[test]
    fn noise_and_single_outliers_are_no_drift() {
        let mut values = noisy(300, 0.02);
        values[290] = 1.0;
        let drift = Drift::find(&values);
        assert_eq!(drift.last_start, 0);
    }

    #[test]
    fn a_few_rows_have_no_drift() {
        assert_eq!(Drift::find(&[0.1, 0.2, 0.3]), Drift::none(3));
    }
}
