//! The part of a space that the constraints allow: whether there is any, and random architectures from it.
//!
//! Architectures are drawn and thrown away until one is allowed, which leaves the allowed ones as likely as the space
//! makes them. Where few are allowed, that would take forever: then a draw is mutated step by step towards the limits,
//! and onwards within them until it is new. Both are bounded, so that an empty or used-up region is found out. A limit that
//! has to be measured takes no part in this, but for one check beforehand (`infeasible`).

use super::constraints::Constraints;
use crate::cost::Constraint;
use crate::error::Result;
use crate::seed;
use crate::space::{Architecture, Space};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// Plain draws before the first descent.
const REJECTIONS: usize = 300;
/// Descents before the region counts as used up.
pub(super) const DESCENTS: usize = 4;
/// Mutations in a descent.
const STEPS: usize = 1000;
/// Chance that a step redraws a gene, itself drawn at each step: small spaces need large ones, tight limits small ones.
const STEP_PROBABILITY: Range<f64> = 0.02..0.5;

/// The allowed part of a space, known not to be empty.
pub struct Feasible<'a> {
    space: &'a Space,
    constraints: &'a Constraints,
    /// One allowed architecture; the smallest of the space where that is allowed.
    pub(super) witness: Architecture,
    /// What searches begin with, before they draw.
    given: Vec<Architecture>,
}

/// An architecture and the trials that it descends from.
pub(super) type Proposal = (Architecture, Vec<u64>);

/// A set of models: architectures of which none is the same model as another (see [`Architecture::clipped`]).
#[derive(Debug, Clone, Default)]
pub(super) struct Used(HashSet<Architecture>);

impl Used {
    pub fn contains(&self, architecture: &Architecture) -> bool {
        self.0.contains(&architecture.clipped())
    }

    pub fn insert(&mut self, architecture: &Architecture) {
        self.0.insert(architecture.clipped());
    }
}

/// Of the architectures that a search was given, how many it does not begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Not in the space.
    pub outside: usize,
    /// Beyond a limit.
    pub beyond: usize,
    /// The same model as another.
    pub repeated: usize,
    /// More than the first generation has.
    pub further: usize,
}

impl Display for LeftOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let reasons = [
            (self.outside, "outside of the space"),
            (self.beyond, "beyond the limits"),
            (self.repeated, "there before"),
            (self.further, "more than search.population"),
        ];
        let told = reasons.iter().filter(|(count, _)| *count > 0).map(|(count, reason)| format!("{count} {reason}"));
        f.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

impl<'a> Feasible<'a> {
    /// The part of `space` that `constraints` allow, before anything is measured. Searches never start without this check.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) when no allowed architecture is found; it names the nearest figures.
    pub fn check(space: &'a Space, constraints: &'a Constraints, seed: u64) -> Result<Self> {
        let mut feasible = Self::unchecked(space, constraints);
        if feasible.allows(&feasible.witness) {
            return Ok(feasible);
        }
        let mut rng = seed::stream(seed, "search-feasible", 0);
        let sample = |rng: &mut ChaCha8Rng| (space.sample(rng), Vec::new());
        match feasible.draw(&mut rng, &Used::default(), &sample) {
            Some((witness, _)) => {
                feasible.witness = witness;
                Ok(feasible)
            }
            None => Err(feasible.infeasible(&mut rng)),
        }
    }

    /// As [`Self::check`] without the check: perhaps nothing is allowed.
    pub(super) fn unchecked(space: &'a Space, constraints: &'a Constraints) -> Self {
        Self { space, constraints, witness: space.smallest(), given: Vec::new() }
    }

    /// The whole space, allowed or not.
    pub fn space(&self) -> &'a Space {
        self.space
    }

    /// All that the search keeps to.
    pub fn constraints(&self) -> &'a Constraints {
        self.constraints
    }

    /// Lets searches begin with `given`, as far as they are in the space, allowed, and models of which none is there before, and with
    /// `most` of them. Returns how many are left out.
    pub fn begin_with(&mut self, given: &[Architecture], most: usize) -> LeftOut {
        let (mut used, mut left) = (Used::default(), LeftOut::default());
        for architecture in given {
            let reason = match () {
                () if self.space.contains(architecture).is_err() => Some(&mut left.outside),
                () if !self.allows(architecture) => Some(&mut left.beyond),
                () if used.contains(architecture) => Some(&mut left.repeated),
                () if self.given.len() == most => Some(&mut left.further),
                () => None,
            };
            if let Some(count) = reason {
                *count += 1;
                continue;
            }
            used.insert(architecture);
            self.given.push(architecture.clone());
        }
        left
    }

    /// What searches begin with.
    pub fn given(&self) -> &[Architecture] {
        &self.given
    }

    /// Whether the constraints allow `architecture`, as far as is known before measuring.
    pub fn allows(&self, architecture: &Architecture) -> bool {
        self.constraints.before_evaluation().all(|c| c.allows(architecture))
    }

    /// An allowed architecture that is not in `used`, from what `propose` draws; `None` when none is found.
    pub(super) fn draw(
        &self,
        rng: &mut ChaCha8Rng,
        used: &Used,
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
    pub(super) fn descend(
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
    pub(super) fn violation(&self, architecture: &Architecture) -> f64 {
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
        self.constraints.before_evaluation().map(excess).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Cost;
    use crate::search::testing::{Of, Toy, at_most, shallow_space, space, tiny_space};
    use std::sync::Arc;

    /// `count` random draws, none twice.
    fn draws(feasible: &Feasible, seed: u64, count: u64) -> Vec<Architecture> {
        let mut used = Used::default();
        let sample = |rng: &mut ChaCha8Rng| (feasible.space().sample(rng), Vec::new());
        let draw = |index| {
            let mut rng = seed::stream(seed, "test", index);
            let (architecture, _) = feasible.draw(&mut rng, &used, &sample)?;
            used.insert(&architecture);
            Some(architecture)
        };
        (0..count).map_while(draw).collect()
    }

    #[test]
    fn a_rare_region_is_found_and_drawn_from_at_random() {
        let space = space();
        let least = Toy.of(&space.smallest());
        // Without the smallest itself, which would make it too easy.
        let not_the_smallest = Of("smallness", |a| -(a.decoder.layers.len() as f64));
        let constraints = at_most([(Arc::new(Toy), 1.16 * least), (Arc::new(not_the_smallest), -2.0)]);
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
        let all = Constraints::default();
        let feasible = Feasible::check(&space, &all, 1).unwrap();
        assert_eq!(draws(&feasible, 1, 100).len(), 4);
        let constraints = at_most([(Arc::new(Of("width", |a| a.encoder.embed_dim as f64)), 512.0)]);
        let feasible = Feasible::check(&space, &constraints, 1).unwrap();
        assert_eq!(draws(&feasible, 1, 100).len(), 2);
    }

    #[test]
    fn equal_models_are_drawn_once() {
        let space = shallow_space();
        let all = Constraints::default();
        let feasible = Feasible::check(&space, &all, 1).unwrap();
        // Four widths; attention to one, two or three layers of an encoder that has one is the same.
        assert_eq!(draws(&feasible, 1, 100).len(), 4);
    }
}
