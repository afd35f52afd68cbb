//! From a predicted latency to the one that the device gives at the end of the data.

use super::drift::Drift;
use super::linalg::{median, robust_deviation};
use serde::{Deserialize, Serialize};

/// Rows after which a row of the last stretch counts for 1/e; chosen on the rows before the test rows of the five published files.
const MEMORY: f64 = 300.0;
/// Rows that it rests on at least, where the last stretch of constant level is shorter.
const FEWEST: usize = 20;
/// Deviations from the median ratio at which a row is cut off.
const CUT_OFF: f64 = 6.0;
/// Predictions whose relative variance is below this are one prediction: they show no slope.
const SAME: f64 = 1e-6;

/// Measured over predicted is `slope`, and a call takes `offset_ms` more than the operators say.
///
/// Both, since devices change in both ways: a lower clock stretches every operator, while another load or another session of
/// the driver may add to each call what no operator tells. In one of the published files the latter is 11 ms.
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

    /// The line through the last stretch of rows at which the device stayed as it was, the last rows counting most, that makes the squared
    /// errors least in inverse proportion to the predictions. Both are positive milliseconds in the file's order.
    ///
    /// On rows 600 to 1800 of the published files, forecast 200 at a time from those before, a line errs less
    /// than a factor, and the last stretch less than the whole file.
    pub fn at_end(predicted: &[f64], measured: &[f64]) -> Self {
        let log_ratios: Vec<f64> = predicted.iter().zip(measured).map(|(p, m)| (m / p).ln()).collect();
        let start = Drift::find(&log_ratios).last_start.min(log_ratios.len().saturating_sub(FEWEST));
        let (predicted, log_ratios) = (&predicted[start..], &log_ratios[start..]);
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

    /// The regression line of weighted rows, or the line through zero where they show no slope.
    fn through(rows: &[Row]) -> Self {
        let sum = |of: fn(&Row) -> f64| rows.iter().map(|row| row.weight * of(row)).sum::<f64>();
        let total = sum(|_| 1.0);
        let (x, y) = (sum(|row| row.predicted) / total, sum(|row| row.measured) / total);
        let about = |of: &dyn Fn(&Row) -> f64| {
            rows.iter().map(|row| row.weight * (row.predicted - x) * of(row)).sum::<f64>() / total
        };
        let variance = about(&|row| row.predicted - x);
        let slope = about(&|row| row.measured - y) / variance;
        match variance > SAME * x * x && slope > 0.0 {
            true => Self { slope, offset_ms: y - slope * x },
            false => Self { slope: y / x, offset_ms: 0.0 },
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
        let found = Calibration::at_end(&predicted, &measured);
        assert!((found.slope - 1.2).abs() < 0.02 && (found.offset_ms - 5.0).abs() < 0.5, "{found:?}");
    }

    #[test]
    fn one_wild_row_moves_it_little() {
        let (predicted, mut measured) = device(0..300, 1.1, 0.0);
        measured[290] *= 10.0;
        let found = Calibration::at_end(&predicted, &measured);
        assert!((found.apply(30.0) / 33.0 - 1.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn equal_predictions_give_a_factor() {
        let found = Calibration::at_end(&[2.0; 30], &[3.0; 30]);
        assert!((found.slope - 1.5).abs() < 1e-9 && found.offset_ms == 0.0, "{found:?}");
    }
}
