//! Candidates for numbered slots: allowed by the constraints, and none twice.

use super::algorithm::Candidate;
use super::feasible::{Feasible, Proposal};
use crate::seed;
use crate::space::Architecture;
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::ops::Range;

/// What a search has proposed so far.
pub(super) struct Proposals<'a> {
    feasible: &'a Feasible<'a>,
    seed: u64,
    used: HashSet<Architecture>,
}

impl<'a> Proposals<'a> {
    /// None yet.
    pub fn new(feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self { feasible, seed, used: HashSet::new() }
    }

    /// Random candidates for `ids`; fewer once nothing new is found.
    pub fn random(&mut self, ids: Range<u64>, generation: u64) -> Vec<Candidate> {
        let space = self.feasible.space();
        self.fill(ids, generation, "search-random", &|rng| (space.sample(rng), Vec::new()))
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
            self.used.insert(architecture.clone());
            candidates.push(Candidate { id, generation, parents, architecture });
        }
        candidates
    }
}
