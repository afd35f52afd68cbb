//! Loss scaling: gradients in half precision are multiplied so that small ones do not vanish, and updates whose gradients
//! overflowed are left out.

use crate::config::Precision;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Of the first update, as fairseq has it, whose losses are sums over tokens, too.
const START: f64 = 128.0;
/// Updates without overflow after which the scale is doubled, as PyTorch's `GradScaler` has it.
const PATIENCE: u32 = 2_000;
/// Beyond these, halving or doubling would not help.
const RANGE: [f64; 2] = [1.0 / 65_536.0, 16_777_216.0];

/// The factor, and how long it has been good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    /// The objective is multiplied by this.
    pub scale: f64,
    /// Updates since the last overflow or doubling.
    pub good: u32,
}

impl LossScale {
    /// The scale to begin with; `None` where the range of numbers is wide enough.
    pub fn start(precision: Precision) -> Option<Self> {
        (precision == Precision::Float16).then_some(Self { scale: START, good: 0 })
    }

    /// Takes note of an update, whose gradients were finite or not.
    ///
    /// # Errors
    /// They were not, and the scale cannot be smaller.
    pub fn note(&mut self, finite: bool) -> Result<()> {
        let [least, most] = RANGE;
        match finite {
            false if self.scale <= least => {
                let advice = "lower train.lr, or train with train.precision = \"bfloat16\" or \"float32\"";
                return Err(Error::failure(format!(
                    "gradients overflow in float16 with the smallest loss scale; {advice}"
                )));
            }
            false => *self = Self { scale: (self.scale / 2.0).max(least), good: 0 },
            true if self.good + 1 >= PATIENCE => *self = Self { scale: (self.scale * 2.0).min(most), good: 0 },
            true => self.good += 1,
        }
        Ok(())
    }

    /// That it is one that training can come to.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn check(self) -> Result<()> {
        let [least, most] = RANGE;
        if (least..=most).contains(&self.scale) && self.good < PATIENCE {
            return Ok(());
        }
        Err(Error::input(format!(
            "a loss scale of {} after {} good updates is none of a training",
            self.scale, self.good
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_halves_and_patience_doubles() {
        assert_eq!(LossScale::start(Precision::Bfloat16), None);
        let mut scale = LossScale::start(Precision::Float16).unwrap();
        scale.note(false).unwrap();
        assert_eq!(scale, LossScale { scale: START / 2.0, good: 0 });
        (1..PATIENCE).for_each(|_| scale.note(true).unwrap());
        assert_eq!(scale, LossScale { scale: START / 2.0, good: PATIENCE - 1 });
        scale.note(true).unwrap();
        assert_eq!(scale, LossScale { scale: START, good: 0 });
        let halvings = (0..60).take_while(|_| scale.note(false).is_ok()).count();
        assert_eq!((scale.scale, halvings), (RANGE[0], 23));
        scale.check().unwrap();
    }

    #[test]
    fn a_scale_that_no_training_has_is_refused() {
        for (scale, good) in [(0.0, 0), (-1.0, 0), (f64::NAN, 0), (1e300, 0), (START, PATIENCE)] {
            assert_eq!(LossScale { scale, good }.check().unwrap_err().exit_code(), 2);
        }
    }
}
