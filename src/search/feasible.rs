//! The part of a space that the constraints allow: whether there is any, and random architectures from it.
//!
//! Architectures are drawn and thrown away until one is allowed, which leaves the allowed ones as likely as the space
//! makes them. Where few are allowed, that would take forever: then a draw is mutated step by step towards the limits,
//! and onwards within them until it is new. Both are bounded, so that an empty or used-up region is found out.

use crate::cost::Constraint;
use crate::error::{Error, Result};
use crate::seed;
use crate::space::{Architecture, Space};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::ops::Range;

/// Plain draws before the first descent.
const REJECTIONS: usize = 300;
/// Descents before the region counts as used up.
const DESCENTS: usize = 4;
/// Mutations in a descent.
const STEPS: usize = 1000;
/// Chance that a step redraws a gene, itself drawn at each step: small spaces need large ones, tight limits small ones.
const STEP_PROBABILITY: Range<f64> = 0.02..0.5;

/// The allowed part of a space, known not to be empty.
pub struct Feasible<'a> {
    space: &'a Space,
    constraints: &'a [Constraint],
    /// One allowed architecture.
    witness: Architecture,
}

/// An architecture and the trials that it descends from.
pub(super) type Proposal = (Architecture, Vec<u64>);

impl<'a> Feasible<'a> {
    /// The part of `space` that all `constraints` allow. Searches never start without this check.
    ///
    /// # Errors
    /// [`Error::Input`] when no allowed architecture is found; it names the nearest figures.
    pub fn check(space: &'a Space, constraints: &'a [Constraint], seed: u64) -> Result<Self> {
        let mut feasible = Self { space, constraints, witness: space.smallest() };
        if feasible.allows(&feasible.witness) {
            return Ok(feasible);
        }
        let mut rng = seed::stream(seed, "search-feasible", 0);
        let sample = |rng: &mut ChaCha8Rng| (space.sample(rng), Vec::new());
        match feasible.draw(&mut rng, &HashSet::new(), &sample) {
            Some((witness, _)) => {
                feasible.witness = witness;
                Ok(feasible)
            }
            None => Err(feasible.infeasible(&mut rng)),
        }
    }

    /// The whole space, allowed or not.
    pub fn space(&self) -> &'a Space {
        self.space
    }

    /// Whether all constraints allow `architecture`.
    pub fn allows(&self, architecture: &Architecture) -> bool {
        self.constraints.iter().all(|c| c.allows(architecture))
    }

    /// An allowed architecture that is not in `used`, from what `propose` draws; `None` when none is found.
    pub(super) fn draw(
        &self,
        rng: &mut ChaCha8Rng,
        used: &HashSet<Architecture>,
        propose: &dyn Fn(&mut ChaCha8Rng) -> Proposal,
    ) -> Option<Proposal> {
        for _ in 0..REJECTIONS {
            let proposal = propose(rng);
            if !used.contains(&proposal.0) && self.allows(&proposal.0) {
                return Some(proposal);
            }
        }
        let violation = |architecture: &Architecture| self.violation(architecture);
        let done = |violation: f64, architecture: &Architecture| violation == 0.0 && !used.contains(architecture);
        for descent in 1..=DESCENTS {
            let (start, parents) = if descent < DESCENTS { propose(rng) } else { (self.witness.clone(), Vec::new()) };
            let (found, left) = self.descend(start, rng, &violation, &done);
            if done(left, &found) {
                return Some((found, parents));
            }
        }
        None
    }

    /// Mutates `start` while `figure` does not rise, until `done`, or for [`STEPS`] steps. Returns the last one and its figure.
    fn descend(
        &self,
        start: Architecture,
        rng: &mut ChaCha8Rng,
        figure: &dyn Fn(&Architecture) -> f64,
        done: &dyn Fn(f64, &Architecture) -> bool,
    ) -> (Architecture, f64) {
        let mut lowest = figure(&start);
        let mut current = start;
        for _ in 0..STEPS {
            if done(lowest, &current) {
                break;
            }
            let probability = rng.random_range(STEP_PROBABILITY);
            let mutant = self.space.mutate(&current, probability, rng);
            let figure = figure(&mutant);
            if figure <= lowest {
                (current, lowest) = (mutant, figure);
            }
        }
        (current, lowest)
    }

    /// How far `architecture` is from being allowed: 0 when it is, else the sum of the excesses relative to their limits.
    fn violation(&self, architecture: &Architecture) -> f64 {
        let excess = |constraint: &Constraint| {
            let (figure, limit) = (constraint.cost.of(architecture), constraint.limit);
            if figure <= limit {
                return 0.0;
            }
            let scale = if limit == 0.0 { 1.0 } else { limit.abs() };
            let excess = (figure - limit) / scale;
            // A cost that is not a number is never allowed; a tiny excess must not vanish.
            if excess.is_nan() { f64::INFINITY } else { excess.max(f64::MIN_POSITIVE) }
        };
        self.constraints.iter().map(excess).sum()
    }

    /// The error for an empty region: the least of each figure that no architecture gets low enough, or else the nearest miss.
    fn infeasible(&self, rng: &mut ChaCha8Rng) -> Error {
        let out_of_reach: Vec<String> = self
            .constraints
            .iter()
            .filter_map(|Constraint { cost, limit }| {
                let (_, least) = self.nearest(rng, &|architecture| cost.of(architecture));
                (least > *limit || least.is_nan()).then(|| {
                    let (name, unit) = (cost.name(), cost.unit());
                    format!("{name} ≤ {limit}: the smallest found has {} {unit}", round_up(least))
                })
            })
            .collect();
        if !out_of_reach.is_empty() {
            return Error::input(format!(
                "no architecture of this space has {}; raise the limit or widen the space",
                out_of_reach.join(", nor ")
            ));
        }
        let (nearest, _) = self.nearest(rng, &|architecture| self.violation(architecture));
        let each = |text: &dyn Fn(&Constraint) -> String| -> String {
            let texts: Vec<String> = self.constraints.iter().map(text).collect();
            texts.join(" and ")
        };
        let limits = each(&|c| format!("{} ≤ {}", c.cost.name(), c.limit));
        let figures = each(&|c| {
            let Constraint { cost, .. } = c;
            format!("{} {} {}", cost.name(), round_up(cost.of(&nearest)), cost.unit())
        });
        Error::input(format!(
            "no architecture of this space has {limits} at once: the nearest found has {figures}; raise a limit or widen the space"
        ))
    }

    /// The architecture with the lowest `figure` that descents from the smallest and from random ones find, and its figure.
    fn nearest(&self, rng: &mut ChaCha8Rng, figure: &dyn Fn(&Architecture) -> f64) -> (Architecture, f64) {
        let never = |_: f64, _: &Architecture| false;
        let mut best = self.descend(self.space.smallest(), rng, figure, &never);
        for _ in 1..DESCENTS {
            let start = self.space.sample(rng);
            let found = self.descend(start, rng, figure, &never);
            if found.1 < best.1 {
                best = found;
            }
        }
        best
    }
}

/// Four digits, rounded up, so that the figure given as a limit allows what it was taken from.
fn round_up(figure: f64) -> String {
    if figure == 0.0 || !figure.is_finite() {
        return figure.to_string();
    }
    let decimals = (3 - figure.abs().log10().floor() as i32).clamp(0, 12);
    let scale = 10f64.powi(decimals);
    let precision = decimals as usize;
    let text = format!("{:.precision$}", (figure * scale).ceil() / scale);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::search::testing::{Toy, space, tiny_space};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// A cost from a function.
    struct Of(&'static str, fn(&Architecture) -> f64);

    impl Cost for Of {
        fn name(&self) -> &str {
            self.0
        }

        fn unit(&self) -> &str {
            "units"
        }

        fn of(&self, architecture: &Architecture) -> f64 {
            (self.1)(architecture)
        }
    }

    fn at_most(cost: impl Cost + 'static, limit: f64) -> Constraint {
        Constraint { cost: Arc::new(cost), limit }
    }

    /// `count` random draws, none twice.
    fn draws(feasible: &Feasible, seed: u64, count: u64) -> Vec<Architecture> {
        let mut used = HashSet::new();
        let sample = |rng: &mut ChaCha8Rng| (feasible.space().sample(rng), Vec::new());
        let draw = |index| {
            let mut rng = seed::stream(seed, "test", index);
            let (architecture, _) = feasible.draw(&mut rng, &used, &sample)?;
            used.insert(architecture.clone());
            Some(architecture)
        };
        (0..count).map_while(draw).collect()
    }

    #[test]
    fn an_infeasible_limit_is_named_with_the_nearest_figure_which_then_is_feasible() {
        let space = space();
        let constraints = [at_most(Toy, 0.01)];
        let error = Feasible::check(&space, &constraints, 1).err().unwrap();
        let least = Toy.of(&space.smallest());
        let figure = round_up(least);
        assert_eq!(
            error,
            Error::input(format!(
                "no architecture of this space has gflops ≤ 0.01: the smallest found has {figure} GFLOPs; \
                 raise the limit or widen the space"
            ))
        );
        let raised = [at_most(Toy, figure.parse().unwrap())];
        assert!(Feasible::check(&space, &raised, 1).is_ok());
    }

    #[test]
    fn limits_that_exclude_each_other_are_named_together() {
        let space = space();
        let narrow = Of("width", |a| a.encoder.embed_dim as f64);
        let wide = Of("slimness", |a| -(a.encoder.embed_dim as f64));
        let constraints = [at_most(narrow, 512.0), at_most(wide, -640.0)];
        let error = Feasible::check(&space, &constraints, 1).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().contains("width ≤ 512 and slimness ≤ -640 at once: the nearest found has width "),
            "{error}"
        );
    }

    #[test]
    fn a_cost_that_is_no_number_allows_nothing() {
        let space = space();
        let constraints = [at_most(Of("odd", |_| f64::NAN), 1.0)];
        let error = Feasible::check(&space, &constraints, 1).err().unwrap();
        assert!(error.to_string().contains("NaN units"), "{error}");
    }

    #[test]
    fn a_rare_region_is_found_and_drawn_from_at_random() {
        let space = space();
        let least = Toy.of(&space.smallest());
        // Without the smallest itself, which would make it too easy.
        let not_the_smallest = Of("smallness", |a| -(a.decoder.layers.len() as f64));
        let constraints = [at_most(Toy, 1.16 * least), at_most(not_the_smallest, -2.0)];
        let mut rng = seed::stream(1, "test", 0);
        let feasible = Feasible::check(&space, &constraints, 1).unwrap();
        assert!((0..2000).all(|_| !feasible.allows(&space.sample(&mut rng))));

        let drawn = draws(&feasible, 1, 30);
        assert_eq!(drawn.len(), 30);
        assert!(drawn.iter().all(|a| feasible.allows(a)));
        assert_eq!(drawn, draws(&feasible, 1, 30));
        let other = draws(&feasible, 2, 30);
        let common = drawn.iter().filter(|a| other.contains(a)).count();
        assert!(common < 10, "{common} of 30 draws are the same with another seed");
    }

    #[test]
    fn a_used_up_region_ends_the_drawing() {
        let space = tiny_space();
        let feasible = Feasible::check(&space, &[], 1).unwrap();
        assert_eq!(draws(&feasible, 1, 100).len(), 4);
        let wide = Of("width", |a| a.encoder.embed_dim as f64);
        let constraints = [at_most(wide, 512.0)];
        let feasible = Feasible::check(&space, &constraints, 1).unwrap();
        assert_eq!(draws(&feasible, 1, 100).len(), 2);
    }

    proptest! {
        #[test]
        fn rounding_up_never_goes_below_and_stays_near(figure in prop_oneof![1e-4..10.0, 10.0..1e9]) {
            let rounded: f64 = round_up(figure).parse().unwrap();
            prop_assert!(rounded >= figure * (1.0 - 1e-15));
            prop_assert!(rounded <= figure * 1.0011);
        }
    }
}
