//! Candidates for numbered slots: allowed by the constraints, and none twice.

use super::algorithm::Candidate;
use super::feasible::{Feasible, Proposal, Used};
use super::generations::Brood;
use super::trial::{Trial, TrialState};
use crate::seed;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Rounds of plain draws in place of pruned ones, before mutants of those that came nearest to the limit.
const PLAIN_ROUNDS: usize = 3;
/// How many of those have mutants, and the chance that a gene of a mutant is redrawn.
const NEAREST: usize = 8;
const NEAR_PROBABILITY: f64 = 0.2;

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
        let given = self.feasible.given.iter().zip(brood.ids.clone());
        let candidates = given.map(|(architecture, id)| {
            self.used.insert(architecture);
            Candidate { id, generation: brood.generation, parents: Vec::new(), architecture: architecture.clone() }
        });
        candidates.collect()
    }

    /// Of the trials that were measured so far, those with the least excess.
    fn nearest<'t>(&self, brood: &Brood<'t>) -> Vec<&'t Trial> {
        let trials = brood.earlier.iter().chain(&brood.siblings).copied();
        let mut nearest: Vec<&Trial> = trials.filter(|trial| trial.state != TrialState::Failed).collect();
        let excess = |trial: &Trial| self.feasible.constraints().measured_excess(trial);
        nearest.sort_by(|a, b| excess(a).total_cmp(&excess(b)).then(a.id.cmp(&b.id)));
        nearest.truncate(NEAREST);
        nearest
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
