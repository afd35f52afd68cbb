//! Limits, fixed beforehand, that a run's searches are done under one after another.

use crate::catalog::{COSTS, CostRow, Origin};
use crate::error::{Result, listed};
use std::fmt;
use std::str::FromStr;

/// Limits on one cost, from the least to the most.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder(Vec<Rung>);

/// One of the limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rung {
    /// What is limited.
    pub cost: &'static CostRow,
    /// The most of it.
    pub most: f64,
}

/// As in the names of what was found under it: `gflops=0.02`.
impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.cost.name, self.most)
    }
}

/// As it is read: `gflops=0.02,0.03`.
impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits: Vec<String> = self.0.iter().map(|rung| rung.most.to_string()).collect();
        write!(f, "{}={}", self.0[0].cost.name, limits.join(","))
    }
}

impl Ladder {
    pub(super) fn rungs(&self) -> impl Iterator<Item = Rung> {
        self.0.iter().copied()
    }
}

impl FromStr for Ladder {
    type Err = String;

    /// Reads `gflops=0.02,0.03`.
    fn from_str(text: &str) -> Result<Self, String> {
        let counted = || COSTS.iter().filter(|row| row.origin == Origin::Counted);
        let (name, limits) = text.split_once('=').ok_or("expected COST=LIMIT,LIMIT, such as gflops=0.02,0.03")?;
        let cost = counted().find(|row| row.name == name).ok_or_else(|| {
            let names: Vec<&str> = counted().map(|row| row.name).collect();
            format!("no cost that is counted is called so; expected one of {}", listed(&names, ", "))
        })?;
        let limit = |text: &str| {
            let limit = text.trim().parse().ok().filter(|limit: &f64| limit.is_finite() && *limit > 0.0);
            limit.ok_or_else(|| format!("expected a number more than 0, found {text:?}"))
        };
        let mut limits = limits.split(',').map(limit).collect::<Result<Vec<f64>, _>>()?;
        limits.sort_by(f64::total_cmp);
        limits.dedup();
        Ok(Self(limits.into_iter().map(|most| Rung { cost, most }).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_their_order() {
        let names = |text: &str| -> Vec<String> {
            text.parse::<Ladder>().unwrap().rungs().map(|rung| rung.to_string()).collect()
        };
        assert_eq!(names("gflops=0.03, 0.02,0.03"), ["gflops=0.02", "gflops=0.03"]);
        assert_eq!(names("parameters=2"), ["parameters=2"]);
        for (wrong, message) in [
            ("0.02", "expected COST=LIMIT,LIMIT"),
            ("flops=1", "no cost that is counted is called so; expected one of gflops, parameters"),
            ("latency_ms=1", "no cost that is counted is called so"),
            ("gflops=", "expected a number more than 0, found \"\""),
            ("gflops=0.1,-1", "expected a number more than 0, found \"-1\""),
        ] {
            let found = wrong.parse::<Ladder>().unwrap_err();
            assert!(found.starts_with(message), "{found}");
        }
    }
}
