//! The candidates of a generation: random ones first, then mutants and crossovers of parents.

use super::algorithm::Candidate;
use super::feasible::Feasible;
use super::generations::Brood;
use super::proposals::Proposals;
use super::trial::{Trial, TrialState};
use crate::config::SearchConfig;
use crate::space::Space;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What draws them.
pub(super) struct Nursery<'a> {
    settings: SearchConfig,
    space: &'a Space,
    proposals: Proposals<'a>,
}

impl<'a> Nursery<'a> {
    /// None drawn yet.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        let (space, proposals) = (feasible.space(), Proposals::new(feasible, seed));
        Self { settings: settings.clone(), space, proposals }
    }

    /// Random candidates in the first generation; then mutants of parents and crossovers of two, the parents being places of
    /// `parents`, which is what `choose` finds among the earlier trials that are complete; `pick` takes the place of one of so
    /// many, and is told of another that it is not to be. None where there are no parents, for that would stay so for ever.
    pub fn draw<'t>(
        &mut self,
        brood: &Brood<'t>,
        choose: impl FnOnce(Vec<&'t Trial>) -> Vec<&'t Trial>,
        pick: impl Fn(usize, Option<usize>, &mut ChaCha8Rng) -> usize,
    ) -> Vec<Candidate> {
        if brood.generation == 0 {
            return self.proposals.random(brood);
        }
        let earlier = brood.earlier.iter().copied().filter(|trial| trial.state == TrialState::Complete);
        let parents = choose(earlier.collect());
        if parents.is_empty() {
            return Vec::new();
        }
        let (space, probability) = (self.space, self.settings.mutation_probability);
        let mutant = |rng: &mut ChaCha8Rng| {
            let parent = parents[pick(parents.len(), None, rng)];
            let mutant = space.mutate(&parent.architecture, probability, rng);
            (mutant, vec![parent.id])
        };
        let crossover = |rng: &mut ChaCha8Rng| {
            let first = pick(parents.len(), None, rng);
            let other = if parents.len() == 1 { first } else { pick(parents.len(), Some(first), rng) };
            let (a, b) = (parents[first], parents[other]);
            let child = space.crossover(&a.architecture, &b.architecture, rng);
            (child, vec![a.id, b.id])
        };
        let mutants = match brood.round {
            0 => self.settings.mutations,
            _ => brood.replaced.iter().filter(|candidate| candidate.parents.len() < 2).count(),
        };
        let (ids, generation, proposals) = (&brood.ids, brood.generation, &mut self.proposals);
        let split = ids.start + mutants as u64;
        let mut children = proposals.fill(ids.start..split, generation, "search-mutation", &mutant);
        children.extend(proposals.fill(split..ids.end, generation, "search-crossover", &crossover));
        children
    }
}

/// One of `count` places, all as likely, but not `other`.
pub(super) fn uniform(count: usize, other: Option<usize>, rng: &mut ChaCha8Rng) -> usize {
    match other {
        None => rng.random_range(0..count),
        Some(other) => {
            let place = rng.random_range(0..count - 1);
            if place < other { place } else { place + 1 }
        }
    }
}
