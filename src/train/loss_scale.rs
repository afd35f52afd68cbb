//! Loss scaling: gradients in half precision are multiplied so that small ones do not vanish, and updates whose gradients
//! overflowed are left out.

use crate::config::Precision;
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
    pub fn note(&mut self, finite: bool) {
        let [least, most] = RANGE;
        if !finite {
            *self = Self { scale: (self.scale / 2.0).max(least), good: 0 };
            return;
        }
        self.good += 1;
        if self.good == PATIENCE {
            *self = Self { scale: (self.scale * 2.0).min(most), good: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_halves_and_patience_doubles() {
        assert_eq!(LossScale::start(Precision::Bfloat16), None);
        let mut scale = LossScale::start(Precision::Float16).unwrap();
        scale.note(false);
        assert_eq!(scale, LossScale { scale: START / 2.0, good: 0 });
        (1..PATIENCE).for_each(|_| scale.note(true));
        assert_eq!(scale, LossScale { scale: START / 2.0, good: PATIENCE - 1 });
        scale.note(true);
        assert_eq!(scale, LossScale { scale: START, good: 0 });
        (0..60).for_each(|_| scale.note(false));
        assert_eq!(scale.scale, RANGE[0]);
    }
}
