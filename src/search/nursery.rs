//! The candidates of a generation: random ones first, then mutants and crossovers of parents.

use super::algorithm::Candidate;
use super::feasible::{Feasible, Proposal};
use super::front::Point;
use super::generations::Brood;
use super::proposals::Proposals;
use super::surrogate::Surrogate;
use super::trial::{Trial, TrialState};
use crate::config::SearchConfig;
use crate::rank::kendall;
use crate::space::Space;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// What draws them.
pub(super) struct Nursery<'a> {
    settings: SearchConfig,
    space: &'a Space,
    proposals: Proposals<'a>,
    /// What the surrogate expected of the last candidates, by their ids.
    expected: Vec<(u64, Point)>,
}

impl<'a> Nursery<'a> {
    /// None drawn yet.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        let (space, proposals) = (feasible.space(), Proposals::new(feasible, seed));
        Self { settings: settings.clone(), space, proposals, expected: Vec::new() }
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
        // What was dropped tells of its genes, too; without it the surrogate would know nothing of what is bad.
        let with_loss: Vec<&Trial> =
            brood.earlier.iter().copied().filter(|trial| trial.whole_loss().is_some()).collect();
        let surrogate = self.learn(&with_loss, brood.generation);
        let parents = choose(with_loss.into_iter().filter(|trial| trial.state == TrialState::Complete).collect());
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
        let mut fill = |ids: Range<u64>, purpose, propose: &dyn Fn(&mut ChaCha8Rng) -> Proposal| match &surrogate {
            Some(surrogate) => proposals.fill_best(ids, generation, purpose, propose, surrogate),
            None => proposals.fill(ids, generation, purpose, propose),
        };
        let mut children = fill(ids.start..split, "search-mutation", &mutant);
        children.extend(fill(split..ids.end, "search-crossover", &crossover));
        let expected = |surrogate: &Surrogate| {
            children.iter().map(|child| (child.id, surrogate.expect(&child.architecture))).collect()
        };
        self.expected = surrogate.as_ref().map_or_else(Vec::new, expected);
        children
    }

    /// What `trials`, those before `generation`, let one expect, where the settings ask for it. Tells how it ordered the last
    /// candidates.
    fn learn(&mut self, trials: &[&Trial], generation: u64) -> Option<Surrogate> {
        let SearchConfig { surrogate: true, objectives, .. } = &self.settings else { return None };
        let expected = std::mem::take(&mut self.expected);
        let came = |id: u64| trials.iter().find(|trial| trial.id == id)?.figures(objectives);
        let both: Vec<(Point, Point)> =
            expected.into_iter().filter_map(|(id, expected)| Some((expected, came(id)?))).collect();
        let taus = objectives.iter().enumerate().filter_map(|(place, objective)| {
            let (expected, came): (Vec<f64>, Vec<f64>) = both.iter().map(|(a, b)| (a[place], b[place])).unzip();
            Some(format!("{} {:.2}", objective.as_str(), kendall(&expected, &came)?))
        });
        let taus: Vec<String> = taus.collect();
        if !taus.is_empty() {
            let before = generation.saturating_sub(1);
            tracing::info!(
                "searching: generation {before}: the surrogate ordered its candidates with τ of {}",
                taus.join(", ")
            );
        }
        let counted: Vec<_> = self.proposals.feasible().constraints().costs().collect();
        Surrogate::learn(trials, objectives, &counted, &self.space.largest())
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
