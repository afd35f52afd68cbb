//! How far predictions may be off: intervals that hold a given share of measurements.

use serde::{Deserialize, Serialize};

/// Share of measurements that a prediction interval is meant to hold.
pub const INTERVAL_LEVEL: f64 = 0.9;

/// A prediction interval, relative to the prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Share of measurements that it is meant to hold.
    pub level: f64,
    /// Lower end over prediction.
    pub low: f64,
    /// Upper end over prediction.
    pub high: f64,
}

/// How prediction intervals did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Share of measurements meant to be inside.
    pub level: f64,
    /// Share of measurements inside.
    pub coverage: f64,
    /// Mean width, milliseconds.
    pub mean_width_ms: f64,
}

impl Interval {
    /// Split-conformal intervals: the ratios of measured to predicted latency of rows that were not fitted, cut off at
    /// equal ranks on both sides so that a new ratio falls inside with probability `level` at least (if the device stays as it
    /// was); of a few rows, the least and the largest, and the level is what these give, (n - 1) / (n + 1).
    ///
    /// Where the device's level moved between fitting and these rows, the ratios lie to one side of 1, though the
    /// predictor that is used in the end knows the new level. So the interval also holds the ratios over their median.
    pub fn conformal(level: f64, measured: &[f64], predicted: &[f64]) -> Self {
        let mut ratios: Vec<f64> = measured.iter().zip(predicted).map(|(y, p)| y / p).collect();
        ratios.sort_by(f64::total_cmp);
        let rows = ratios.len();
        // The small addition keeps the rounding of `1 - level` from costing a rank.
        let outside = ((rows + 1) as f64 * (1.0 - level) / 2.0 + 1e-9).floor() as usize;
        let cut = outside.saturating_sub(1).min(rows.saturating_sub(1) / 2);
        let ratio = |rank: usize| ratios.get(rank).copied().unwrap_or(1.0);
        let (low, middle, high) = (ratio(cut), ratio(rows / 2), ratio(rows.saturating_sub(cut + 1)));
        let level = level.min(rows.saturating_sub(1) as f64 / (rows + 1) as f64);
        Self { level, low: low.min(low / middle), high: high.max(high / middle) }
    }

    /// How it does on rows (one at least), `predicted` beside `measured`.
    pub fn coverage(&self, measured: &[f64], predicted: &[f64]) -> Coverage {
        let rows = measured.len() as f64;
        let inside = measured
            .iter()
            .zip(predicted)
            .filter(|(ms, predicted)| (self.low * **predicted..=self.high * **predicted).contains(*ms))
            .count();
        Coverage {
            level: self.level,
            coverage: inside as f64 / rows,
            mean_width_ms: (self.high - self.low) * predicted.iter().sum::<f64>() / rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conformal_intervals_hold_their_share() {
        let predicted = vec![10.0; 199];
        let measured: Vec<f64> = (1..200).map(|i| 10.0 * (0.9 + 0.001 * f64::from(i))).collect();
        let interval = Interval::conformal(0.9, &measured, &predicted);
        assert!((interval.low - 0.91).abs() < 1e-9, "{interval:?}");
        assert!((interval.high - 1.09).abs() < 1e-9, "{interval:?}");
        assert_eq!(interval.level, 0.9);
        let few = Interval::conformal(0.9, &[9.0, 10.0, 12.0], &[10.0; 3]);
        assert_eq!((few.low, few.high, few.level), (0.9, 1.2, 0.5));
        let moved: Vec<f64> = measured.iter().map(|ms| 1.25 * ms).collect();
        let moved = Interval::conformal(0.9, &moved, &predicted);
        assert!((moved.low - 0.91).abs() < 1e-9 && (moved.high - 1.25 * 1.09).abs() < 1e-9);
    }
}
