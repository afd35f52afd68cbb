//! How BLEU treats orders of n-grams without any match.

use std::fmt;

use crate::error::{Error, Result};

/// What stands in for a precision without any match (Chen and Cherry, 2014).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Smoothing {
    /// The first order without a match counts as half a match, the next as a quarter, and so on (method 3).
    #[default]
    Exp,
    /// An order without a match counts as this much of one (method 1); sacreBLEU's default is 0.1.
    Floor(f64),
    /// This much is added to matches and n-grams alike from order 2 on (method 2); sacreBLEU's default is 1.
    AddK(f64),
    /// Nothing: BLEU is 0 if an order has no match.
    None,
}

impl Smoothing {
    /// The names that [`Smoothing::from_name`] takes, sacreBLEU's.
    pub const NAMES: [&str; 4] = ["exp", "floor", "add-k", "none"];

    /// The smoothing of that name; without a value, `floor` and `add-k` take sacreBLEU's default.
    ///
    /// # Errors
    /// An unknown name, a value for a smoothing that takes none, or one that is negative or not finite.
    pub fn from_name(name: &str, value: Option<f64>) -> Result<Self> {
        let smoothing = match (name, value) {
            ("floor", value) => Self::Floor(value.unwrap_or(0.1)),
            ("add-k", value) => Self::AddK(value.unwrap_or(1.0)),
            ("exp", None) => Self::Exp,
            ("none", None) => Self::None,
            ("exp" | "none", Some(_)) => {
                return Err(Error::input(format!("smoothing {name:?} takes no value: only floor and add-k do")));
            }
            _ => {
                let names = Self::NAMES.join(", ");
                return Err(Error::input(format!("no smoothing {name:?}: choose one of {names}")));
            }
        };
        smoothing.check()?;
        Ok(smoothing)
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Floor(value) | Self::AddK(value) if !(value >= 0.0 && value.is_finite()) => {
                Err(Error::input(format!("smoothing value {value}: expected a finite number, 0 or more")))
            }
            _ => Ok(()),
        }
    }
}

/// Written as in sacreBLEU's signature: `exp`, `floor[0.10]`, `add-k[1.00]`, `none`.
impl fmt::Display for Smoothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exp => f.write_str("exp"),
            Self::Floor(value) => write!(f, "floor[{value:.2}]"),
            Self::AddK(value) => write!(f, "add-k[{value:.2}]"),
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_read_by_name() {
        assert_eq!(Smoothing::from_name("floor", None), Ok(Smoothing::Floor(0.1)));
        assert_eq!(Smoothing::from_name("add-k", Some(2.0)), Ok(Smoothing::AddK(2.0)));
        for (name, value) in [("exp", Some(1.0)), ("exponential", None), ("floor", Some(-0.5))] {
            assert!(Smoothing::from_name(name, value).is_err());
        }
    }
}
