//! Candidates for numbered slots: allowed by the constraints, and none twice.

use super::algorithm::Candidate;
use super::feasible::{Feasible, Proposal, Used};
use super::front::{Point, by_rank};
use super::generations::Brood;
use super::surrogate::Surrogate;
use super::trial::{Trial, TrialState};
use crate::seed;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Rounds of plain draws in place of pruned ones, before mutants of those that came nearest to the limit.
const PLAIN_ROUNDS: usize = 3;
/// How many of those have mutants at least, and the chance that a gene of a mutant is redrawn.
const NEAREST: usize = 8;
const NEAR_PROBABILITY: f64 = 0.2;

/// How many are drawn for each candidate that a surrogate chooses, in each of so many rounds.
const POOL: usize = 8;
const POOL_ROUNDS: usize = 6;

/// What a search has proposed so far.
pub(super) struct Proposals<'a> {
    feasible: &'a Feasible<'a>,
    seed: u64,
    used: Used,
}

impl<'a> Proposals<'a> {
    /// None yet.
    pub fn new(feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self { feasible, seed, used: Used::default() }
    }

    /// Where they come from.
    pub fn feasible(&self) -> &'a Feasible<'a> {
        self.feasible
    }

    /// Random candidates, at the very beginning after those that the search was given; fewer once nothing new is found.
    ///
    /// Where a measured limit leaves few, drawing at random would not find them: after some rounds, candidates are mutants
    /// of the trials that came nearest to the limit.
    pub fn random(&mut self, brood: &Brood) -> Vec<Candidate> {
        let (space, generation) = (self.feasible.space(), brood.generation);
        let nearest = if brood.round > PLAIN_ROUNDS { self.nearest(brood) } else { Vec::new() };
        if nearest.is_empty() {
            let mut candidates = self.given(brood);
            let ids = brood.ids.start + candidates.len() as u64..brood.ids.end;
            candidates.extend(self.fill(ids, generation, "search-random", &|rng| (space.sample(rng), Vec::new())));
            return candidates;
        }
        let mutant = |rng: &mut ChaCha8Rng| {
            let parent = nearest[rng.random_range(0..nearest.len())];
            (space.mutate(&parent.architecture, NEAR_PROBABILITY, rng), vec![parent.id])
        };
        self.fill(brood.ids.clone(), generation, "search-nearest", &mutant)
    }

    /// What the search begins with, where `brood` is its first.
    fn given(&mut self, brood: &Brood) -> Vec<Candidate> {
        if brood.ids.start > 0 {
            return Vec::new();
        }
        let given = self.feasible.given().iter().zip(brood.ids.clone());
        let candidates = given.map(|(architecture, id)| {
            self.used.insert(architecture);
            Candidate { id, generation: brood.generation, parents: Vec::new(), architecture: architecture.clone() }
        });
        candidates.collect()
    }

    /// Of the trials that were measured so far, those with the least excess: all that have none, where they are more.
    fn nearest<'t>(&self, brood: &Brood<'t>) -> Vec<&'t Trial> {
        let trials = brood.earlier.iter().chain(&brood.siblings).copied();
        let mut nearest: Vec<&Trial> = trials.filter(|trial| trial.state != TrialState::Failed).collect();
        let excess = |trial: &Trial| self.feasible.constraints().measured_excess(trial);
        nearest.sort_by(|a, b| excess(a).total_cmp(&excess(b)).then(a.id.cmp(&b.id)));
        let within = nearest.partition_point(|trial| excess(trial) == 0.0);
        nearest.truncate(NEAREST.max(within));
        nearest
    }

    /// As [`Self::fill`], with the most promising of many more that are drawn, by what `surrogate` expects of them: first from what
    /// `propose` draws, then, round after round, from mutants of the most promising so far.
    pub fn fill_best(
        &mut self,
        ids: Range<u64>,
        generation: u64,
        purpose: &str,
        propose: &dyn Fn(&mut ChaCha8Rng) -> Proposal,
        surrogate: &Surrogate,
    ) -> Vec<Candidate> {
        let (space, mut used) = (self.feasible.space(), self.used.clone());
        let (mut drawn, mut expected): (Vec<Proposal>, Vec<Point>) = (Vec::new(), Vec::new());
        let count = (ids.end - ids.start) as usize;
        for round in 0..POOL_ROUNDS {
            let promising: Vec<Proposal> =
                by_rank(&expected).take(2 * count).map(|place| drawn[place].clone()).collect();
            let mutant = |rng: &mut ChaCha8Rng| {
                let (architecture, parents) = &promising[rng.random_range(0..promising.len())];
                (space.mutate(architecture, NEAR_PROBABILITY, rng), parents.clone())
            };
            let propose: &dyn Fn(&mut ChaCha8Rng) -> Proposal = if promising.is_empty() { propose } else { &mutant };
            for (id, draw) in ids.clone().flat_map(|id| (0..POOL).map(move |draw| (id, draw))) {
                let mut rng = seed::stream(self.seed, &format!("{purpose}-{round}-{draw}"), id);
                let Some(proposal) = self.feasible.draw(&mut rng, &used, propose) else { break };
                used.insert(&proposal.0);
                expected.push(surrogate.expect(&proposal.0));
                drawn.push(proposal);
            }
        }
        let best = ids.zip(by_rank(&expected)).map(|(id, place)| {
            let (architecture, parents) = drawn[place].clone();
            self.used.insert(&architecture);
            Candidate { id, generation, parents, architecture }
        });
        best.collect()
    }

    /// Candidates for `ids` from what `propose` draws; fewer once nothing new is found.
    ///
    /// Each candidate draws from its own random stream, named by `purpose` and its id.
    pub fn fill(
        &mut self,
        ids: Range<u64>,
        generation: u64,
        purpose: &str,
        propose: &dyn Fn(&mut ChaCha8Rng) -> Proposal,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for id in ids {
            let mut rng = seed::stream(self.seed, purpose, id);
            let Some((architecture, parents)) = self.feasible.draw(&mut rng, &self.used, propose) else {
                break;
            };
            self.used.insert(&architecture);
            candidates.push(Candidate { id, generation, parents, architecture });
        }
        candidates
    }
}
