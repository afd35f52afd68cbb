//! From a predicted latency to the one that the device gives at the end of the data.

use crate::latency::statistics::{median, robust_deviation};
use serde::{Deserialize, Serialize};

/// Rows after which a row of the last stretch counts for 1/e; chosen on the rows before the test rows of the five published files.
const MEMORY: f64 = 300.0;
/// Rows that it rests on at least, where the last stretch of constant level is shorter.
const FEWEST: usize = 20;
/// Deviations from the median ratio at which a row is cut off.
const CUT_OFF: f64 = 6.0;
/// How far the slope is expected from measured over predicted, as a fraction of it: a line through few or similar rows is
/// drawn to one through zero.
const SLOPE_DEVIATION: f64 = 0.25;

/// Predictions that differ by a smaller fraction are equal.
const ROUNDING: f64 = 1e-9;

/// Measured is `slope` times predicted and `offset_ms` more.
///
/// Both, since devices change in both ways: a lower clock stretches every operator, while another load or another session of
/// the driver may add to each call what no operator tells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Milliseconds measured for one more millisecond predicted; positive.
    pub slope: f64,
    /// Milliseconds on top of that, of either sign.
    pub offset_ms: f64,
}

impl Calibration {
    /// Predictions as they are.
    pub const NONE: Self = Self { slope: 1.0, offset_ms: 0.0 };

    /// The line through the rows from `start` on, where the device stayed as it was, the last rows counting most, that makes
    /// the squared errors least in inverse proportion to the predictions. Both are positive milliseconds in the file's order.
    pub fn since(start: usize, predicted: &[f64], measured: &[f64]) -> Self {
        let start = start.min(predicted.len().saturating_sub(FEWEST));
        let (predicted, measured) = (&predicted[start..], &measured[start..]);
        let log_ratios: Vec<f64> = predicted.iter().zip(measured).map(|(p, m)| (m / p).ln()).collect();
        let middle = median(log_ratios.iter().copied());
        let reach = CUT_OFF * robust_deviation(log_ratios.iter().map(|ratio| ratio - middle));
        let rows: Vec<Row> = predicted
            .iter()
            .zip(log_ratios)
            .rev()
            .enumerate()
            .map(|(age, (&predicted, ratio))| Row {
                weight: (-(age as f64) / MEMORY).exp() / predicted,
                predicted,
                measured: predicted * ratio.clamp(middle - reach, middle + reach).exp(),
            })
            .collect();
        Self::through(&rows)
    }

    /// Milliseconds to be expected for a prediction.
    pub fn apply(&self, predicted: f64) -> f64 {
        self.slope * predicted + self.offset_ms
    }

    /// The regression line of weighted rows, of which there is one at least, as far as they tell its slope: where predictions
    /// hardly differ, the line through zero. The least prediction does not become less than half of what that line makes of it.
    fn through(rows: &[Row]) -> Self {
        let sum = |of: &dyn Fn(&Row) -> f64| rows.iter().map(|row| row.weight * of(row)).sum::<f64>();
        let total = sum(&|_| 1.0);
        let (x, y) = (sum(&|row| row.predicted) / total, sum(&|row| row.measured) / total);
        let factor = y / x;
        let variance = sum(&|row| (row.predicted - x).powi(2)) / total;
        let slope = match variance > (ROUNDING * x).powi(2) {
            true => sum(&|row| (row.predicted - x) * (row.measured - y)) / total / variance,
            false => factor,
        };
        let noise = sum(&|row| (row.measured - y - slope * (row.predicted - x)).powi(2)) / total;
        let count = total.powi(2) / rows.iter().map(|row| row.weight.powi(2)).sum::<f64>();
        // Bayes' estimate between two normal distributions: of slopes around the factor, and of what the rows tell.
        let told = variance * count * (SLOPE_DEVIATION * factor).powi(2);
        let trust = if told > 0.0 { told / (told + noise) } else { 0.0 };
        let slope = factor + trust * (slope - factor);
        let least = rows.iter().map(|row| row.predicted).fold(f64::INFINITY, f64::min);
        match slope > 0.0 && y + slope * (least - x) >= factor * least / 2.0 {
            true => Self { slope, offset_ms: y - slope * x },
            false => Self { slope: factor, offset_ms: 0.0 },
        }
    }
}

struct Row {
    weight: f64,
    predicted: f64,
    measured: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;
    use rand::RngExt;
    use rand_distr::StandardNormal;

    /// Predictions of 1 to 6 units and measurements of a device that takes `slope` times as long and `offset` more, with
    /// noise in ±1 %.
    fn device(rows: std::ops::Range<usize>, slope: f64, offset: f64) -> (Vec<f64>, Vec<f64>) {
        let predicted: Vec<f64> = rows.clone().map(|row| 10.0 * (1 + row * 7 % 6) as f64).collect();
        let noise = rows.map(|row| 1.0 + 0.01 * ((row as f64 * 12.9898).sin() * 43758.5453).fract());
        let measured = predicted.iter().zip(noise).map(|(p, noise)| (slope * p + offset) * noise).collect();
        (predicted, measured)
    }

    #[test]
    fn overhead_and_clock_of_the_last_stretch_are_found() {
        let (mut predicted, mut measured) = device(0..300, 1.0, 0.0);
        let (later, slower) = device(300..500, 1.2, 5.0);
        predicted.extend(later);
        measured.extend(slower);
        let found = Calibration::since(300, &predicted, &measured);
        assert!((found.slope - 1.2).abs() < 0.02 && (found.offset_ms - 5.0).abs() < 0.5, "{found:?}");
    }

    #[test]
    fn one_wild_row_moves_it_little() {
        let (predicted, mut measured) = device(0..300, 1.1, 0.0);
        measured[290] *= 10.0;
        let found = Calibration::since(0, &predicted, &measured);
        assert!((found.apply(30.0) / 33.0 - 1.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn equal_predictions_give_a_factor() {
        let found = Calibration::since(0, &[2.0; 30], &[3.0; 30]);
        assert!((found.slope - 1.5).abs() < 1e-9 && found.offset_ms == 0.0, "{found:?}");
    }

    #[test]
    fn few_similar_rows_do_not_tell_a_slope() {
        for index in 0..20 {
            let mut random = seed::stream(1, "similar rows", index);
            let mut around = |middle: f64, deviation: f64| -> f64 {
                middle * (1.0 + deviation * random.sample::<f64, _>(StandardNormal))
            };
            let predicted: Vec<f64> = (0..20).map(|_| around(10.0, 0.01)).collect();
            let measured: Vec<f64> = predicted.iter().map(|predicted| around(1.1 * predicted, 0.03)).collect();
            let found = Calibration::since(0, &predicted, &measured);
            assert!((found.slope / 1.1 - 1.0).abs() < 0.4, "{found:?}");
            assert!((found.apply(5.0) / 5.5 - 1.0).abs() < 0.4, "{found:?}");
        }
    }
}
