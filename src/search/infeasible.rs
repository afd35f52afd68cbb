//! What to say when the constraints allow nothing: the figures that can be reached.

use super::feasible::{DESCENTS, Feasible};
use crate::cost::{Constraint, Limit};
use crate::error::{Error, Result};
use crate::seed;
use crate::space::Architecture;
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;

/// Architectures that are measured to find one within a measured limit.
const MEASURED: usize = 32;
/// Draws tried for the next of them, and the chance that a mutation redraws a gene.
const NEIGHBOURS: usize = 300;
const NEIGHBOUR_PROBABILITY: f64 = 0.1;

impl Feasible<'_> {
    /// Finds out by a few calls of `measure` whether the measured limit can be kept: of one architecture that the other
    /// constraints allow, then in turn of one drawn anew (the smallest need not be the fastest) and of a neighbour of the
    /// fastest so far.
    ///
    /// # Errors
    /// [`Error::Input`] when none of them is within it; it names the smallest figure. Those of `measure`.
    pub fn check_measured(&self, measure: &dyn Fn(&Architecture) -> Result<f64>, seed: u64) -> Result<()> {
        let Some(limit) = self.constraints().measured else {
            return Ok(());
        };
        let mut rng = seed::stream(seed, "search-measured", 0);
        let mut fastest = self.witness.clone();
        let mut least = measure(&fastest)?;
        for round in 1..MEASURED {
            if least <= limit.most {
                return Ok(());
            }
            let mut draws = (0..NEIGHBOURS).map(|_| match round % 2 {
                0 => self.space().mutate(&fastest, NEIGHBOUR_PROBABILITY, &mut rng),
                _ => self.space().sample(&mut rng),
            });
            let Some(next) = draws.find(|next| *next != fastest && self.allows(next)) else {
                continue;
            };
            let figure = measure(&next)?;
            if figure < least || least.is_nan() {
                (fastest, least) = (next, figure);
            }
        }
        if least <= limit.most {
            return Ok(());
        }
        let others: Vec<String> = self.limits_before_evaluation();
        let within = if others.is_empty() { String::new() } else { format!(" within {}", others.join(" and ")) };
        Err(Error::input(format!(
            "none of {MEASURED} architectures{within} measured here has {limit}: the fastest has {} {}; raise the limit or \
             widen the space",
            round_up(least),
            limit.unit
        )))
    }

    /// The error for an empty region: the smallest figure of each limit that no architecture keeps, or, where each can be kept
    /// alone, the nearest to keeping all.
    pub(super) fn infeasible(&self, rng: &mut ChaCha8Rng) -> Error {
        let constraints: Vec<&Constraint> = self.constraints().before_evaluation().collect();
        let (mut out_of_reach, mut within_reach) = (Vec::new(), Vec::new());
        for constraint in &constraints {
            let Constraint { cost, limit } = constraint;
            let (_, least) = self.nearest(rng, &|architecture| cost.of(architecture));
            let figure = format!("{} {}", round_up(least), cost.unit());
            match least <= *limit {
                true => within_reach.push(format!("{} from {figure}", cost.name())),
                false => out_of_reach.push(format!("{}: the smallest found has {figure}", Limit::from(*constraint))),
            }
        }
        let mut message = "no architecture of this space has ".to_owned();
        if !out_of_reach.is_empty() {
            message += &out_of_reach.join(", nor ");
            if !within_reach.is_empty() {
                // Writing to a text cannot fail.
                let _ = write!(message, " (within reach: {})", within_reach.join(", "));
            }
            return Error::input(message + "; raise the limit or widen the space");
        }
        let (nearest, _) = self.nearest(rng, &|architecture| self.violation(architecture));
        let figures = constraints.iter().map(|Constraint { cost, .. }| {
            let (name, figure, unit) = (cost.name(), round_up(cost.of(&nearest)), cost.unit());
            format!("{name} {figure} {unit}")
        });
        let figures: Vec<String> = figures.collect();
        Error::input(format!(
            "{message}{} at once: the nearest found has {} (alone: {}); raise a limit or widen the space",
            self.limits_before_evaluation().join(" and "),
            figures.join(" and "),
            within_reach.join(", ")
        ))
    }

    fn limits_before_evaluation(&self) -> Vec<String> {
        self.constraints().before_evaluation().map(|constraint| Limit::from(constraint).to_string()).collect()
    }

    /// The architecture with the lowest `figure` that descents from the smallest and from random ones find, and its figure.
    fn nearest(&self, rng: &mut ChaCha8Rng, figure: &dyn Fn(&Architecture) -> f64) -> (Architecture, f64) {
        let never = |_: f64, _: &Architecture| false;
        let mut best = self.descend(self.space().smallest(), rng, figure, &never);
        for _ in 1..DESCENTS {
            let start = self.space().sample(rng);
            let found = self.descend(start, rng, figure, &never);
            if found.1 < best.1 {
                best = found;
            }
        }
        best
    }
}

/// Four digits, rounded up, so that the figure given as a limit allows what it was taken from.
pub(super) fn round_up(figure: f64) -> String {
    if figure == 0.0 || !figure.is_finite() {
        return figure.to_string();
    }
    let decimals = (3 - figure.abs().log10().floor() as i32).clamp(0, 12);
    let scale = 10f64.powi(decimals);
    let precision = decimals as usize;
    let rounded = |units: f64| format!("{:.precision$}", units / scale);
    let units = (figure * scale).ceil();
    let mut text = rounded(units);
    // Where the product was rounded down to a whole number.
    if text.parse::<f64>().is_ok_and(|rounded| rounded < figure) {
        text = rounded(units + 1.0);
    }
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::search::Constraints;
    use crate::search::testing::{Of, Toy, at_most, space};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn depth(architecture: &Architecture) -> f64 {
        architecture.decoder.layers.len() as f64
    }

    #[test]
    fn an_infeasible_limit_is_named_with_the_nearest_figure_which_then_is_feasible() {
        let space = space();
        let error = Feasible::check(&space, &at_most([(Arc::new(Toy), 0.01)]), 1).err().unwrap();
        let figure = round_up(Toy.of(&space.smallest()));
        assert_eq!(
            error,
            Error::input(format!(
                "no architecture of this space has gflops ≤ 0.01: the smallest found has {figure} GFLOPs; \
                 raise the limit or widen the space"
            ))
        );
        let raised = at_most([(Arc::new(Toy), figure.parse().unwrap())]);
        assert!(Feasible::check(&space, &raised, 1).is_ok());
    }

    #[test]
    fn every_limit_out_of_reach_is_named_and_so_are_the_others() {
        let space = space();
        let (width, depth) = (Of("width", |a| a.encoder.embed_dim as f64), Of("depth", depth));
        let three = at_most([(Arc::new(Toy), 0.01), (Arc::new(width), 600.0), (Arc::new(depth), 0.5)]);
        let error = Feasible::check(&space, &three, 1).err().unwrap().to_string();
        let least = round_up(Toy.of(&space.smallest()));
        assert_eq!(
            error,
            format!(
                "no architecture of this space has gflops ≤ 0.01: the smallest found has {least} GFLOPs, nor depth ≤ 0.5: \
                 the smallest found has 1 units (within reach: width from 512 units); raise the limit or widen the space"
            )
        );
    }

    #[test]
    fn limits_that_exclude_each_other_are_named_together() {
        let space = space();
        let narrow = Of("width", |a| a.encoder.embed_dim as f64);
        let wide = Of("slimness", |a| -(a.encoder.embed_dim as f64));
        let constraints = at_most([(Arc::new(narrow), 512.0), (Arc::new(wide), -640.0)]);
        let error = Feasible::check(&space, &constraints, 1).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("width ≤ 512 and slimness ≤ -640 at once: the nearest found has width "), "{error}");
        assert!(error.contains(" (alone: width from 512 units, slimness from -640 units); "), "{error}");
    }

    #[test]
    fn a_cost_that_is_no_number_allows_nothing() {
        let space = space();
        let constraints = at_most([(Arc::new(Of("odd", |_| f64::NAN)), 1.0)]);
        let error = Feasible::check(&space, &constraints, 1).err().unwrap();
        assert!(error.to_string().contains("NaN units"), "{error}");
    }

    #[test]
    fn a_measured_limit_is_checked_by_few_measurements() {
        let space = space();
        let check = |limit: f64| {
            let measured = Some(Limit { name: "latency_ms", unit: "units", most: limit });
            let constraints = Constraints { measured, ..at_most([(Arc::new(Toy), 5.0)]) };
            Feasible::check(&space, &constraints, 1).unwrap().check_measured(&|a| Ok(2.0 + depth(a)), 1)
        };
        assert_eq!(check(3.0), Ok(()));
        let error = check(2.9).unwrap_err();
        assert_eq!(
            error,
            Error::input(
                "none of 32 architectures within gflops ≤ 5 measured here has latency_ms ≤ 2.9: the fastest has 3 units; \
                 raise the limit or widen the space"
            )
        );
    }

    proptest! {
        #[test]
        fn rounding_up_never_goes_below_and_stays_near(figure in prop_oneof![1e-4..10.0, 10.0..1e9]) {
            let rounded: f64 = round_up(figure).parse().unwrap();
            prop_assert!(rounded >= figure);
            prop_assert!(rounded <= figure * 1.0011);
        }
    }
}
