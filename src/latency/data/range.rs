//! Which architectures were measured: predictions for others are extrapolations.

use super::averages::Averages;
use super::measured_rows::Sample;
use serde::{Deserialize, Serialize};

/// How far beyond the measured architectures, in widths of their range, a predictor is still trusted: random
/// architectures seldom reach the corners of their space.
const SLACK: f64 = 0.2;
/// Averages of equal numbers may differ by this fraction of them.
const ROUNDING: f64 = 1e-9;

/// Between which bounds the measured architectures lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRange {
    /// The least of each number of [`Averages::values`].
    pub least: [f64; 12],
    /// The largest of each.
    pub largest: [f64; 12],
}

impl MeasuredRange {
    /// The range of `samples`.
    pub(in crate::latency) fn of(samples: &[Sample]) -> Self {
        let mut range = Self { least: [f64::INFINITY; 12], largest: [f64::NEG_INFINITY; 12] };
        for sample in samples {
            for (index, value) in sample.averages.values().into_iter().enumerate() {
                range.least[index] = range.least[index].min(value);
                range.largest[index] = range.largest[index].max(value);
            }
        }
        range
    }

    /// The names of those averages that lie clearly beyond the range: predictions for them are extrapolations.
    pub fn exceeded(&self, averages: &Averages) -> Vec<&'static str> {
        let bounds = self.least.iter().zip(&self.largest);
        let beyond = Averages::names().zip(averages.values()).zip(bounds).filter(|((_, value), (least, largest))| {
            let slack = SLACK * (*largest - *least) + ROUNDING * largest.abs();
            !(*least - slack..=*largest + slack).contains(value)
        });
        beyond.map(|((name, _), _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::simulated;
    use crate::space::Architecture;

    #[test]
    fn architectures_beyond_the_measured_ones_are_told() {
        let data = simulated::rows(100, 0.0, 1);
        let range = MeasuredRange::of(&data.samples);
        let exceeded = |architecture: &Architecture| range.exceeded(&Averages::of(architecture, None));
        for index in 0..50 {
            assert!(exceeded(&simulated::architecture(index)).is_empty());
        }
        let wide = Architecture::dense(1024, 2048, 8, 6, 3);
        assert_eq!(exceeded(&wide), ["encoder_embed_dim", "decoder_embed_dim"]);
        assert_eq!(exceeded(&Architecture::dense(512, 2048, 8, 6, 12)), ["decoder_layer_num"]);
    }
}
