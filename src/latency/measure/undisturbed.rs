//! What a model takes where nothing else runs, told from passes among which much else ran.
//!
//! Another program that takes a core away for some milliseconds hits nearly every pass of a slow model, but few of its
//! steps, and disturbances only slow down. So each step is taken to last as long as in the lower quarter of the passes;
//! the sum over the steps is the latency of a pass without disturbances, somewhat below the mean pass on a quiet machine.
//! On a busy machine, two data sets of the same architectures agree better by it than by trimmed means.

use super::timing::{parts, student_quantile, variance};

/// Parts of the passes whose agreement tells the precision, see [`parts`].
const PARTS: usize = 4;

/// Latency without disturbances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Undisturbed {
    /// Milliseconds of the encoder.
    pub encoder_ms: f64,
    /// Milliseconds of the decoder.
    pub decoder_ms: f64,
    /// Half the width of the total's 95 % interval over the total, while the device stays as it was during these passes: for
    /// figures of which drift is taken out by a reference. None of fewer than four passes.
    pub precision: Option<f64>,
}

impl Undisturbed {
    /// Of passes (one at least) in the order in which they were taken, each the times of the same steps, milliseconds; the
    /// first one is the encoder's.
    pub fn of(passes: &[Vec<f64>]) -> Self {
        let steps = quiet_steps(passes);
        let total: f64 = steps.iter().sum();
        Self { encoder_ms: steps[0], decoder_ms: total - steps[0], precision: precision(passes, total) }
    }

    /// Encoder and decoder together, milliseconds.
    pub fn total_ms(&self) -> f64 {
        self.encoder_ms + self.decoder_ms
    }

    /// Whether the total is known within `precision`, a fraction of it.
    pub fn is_within(&self, precision: f64) -> bool {
        self.precision.is_some_and(|reached| reached <= precision)
    }
}

/// Of each step, the time that a quarter of the passes stayed below.
fn quiet_steps(passes: &[Vec<f64>]) -> Vec<f64> {
    let quartile = |step: usize| {
        let mut times: Vec<f64> = passes.iter().map(|pass| pass[step]).collect();
        *times.select_nth_unstable_by(passes.len() / 4, f64::total_cmp).1
    };
    (0..passes[0].len()).map(quartile).collect()
}

/// The precision by what parts of the passes, one after the other, tell.
fn precision(passes: &[Vec<f64>], total: f64) -> Option<f64> {
    if passes.len() < PARTS {
        return None;
    }
    let totals: Vec<f64> = parts(passes, PARTS).map(|part| quiet_steps(part).iter().sum()).collect();
    Some(student_quantile(totals.len() - 1) * (variance(&totals) / totals.len() as f64).sqrt() / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_disturbed_steps_of_every_pass_do_not_count() {
        let passes: Vec<Vec<f64>> = (0..20)
            .map(|pass| {
                let mut steps = vec![2.0; 17];
                steps[0] = 5.0;
                // Three steps of each pass are interrupted.
                (0..3).for_each(|which| steps[(7 * pass + 5 * which) % 17] += 30.0);
                steps
            })
            .collect();
        let undisturbed = Undisturbed::of(&passes);
        assert_eq!((undisturbed.encoder_ms, undisturbed.decoder_ms), (5.0, 32.0));
        assert_eq!(undisturbed.total_ms(), 37.0);
        assert!(passes.iter().all(|steps| steps.iter().sum::<f64>() > 120.0));
    }

    #[test]
    fn parts_that_disagree_are_imprecise() {
        let passes =
            |last: f64| -> Vec<Vec<f64>> { (0..16).map(|i| vec![if i < 12 { 10.0 } else { last }; 2]).collect() };
        assert!(Undisturbed::of(&passes(10.0)).is_within(1e-9));
        assert!(!Undisturbed::of(&passes(15.0)).is_within(0.1));
        assert_eq!(Undisturbed::of(&passes(10.0)[..3]).precision, None);
    }
}
