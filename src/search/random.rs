//! Random search under the constraints, with evolution's budget: the baseline that a search has to beat.

use super::algorithm::{Algorithm, Candidate};
use super::budget::Budget;
use super::feasible::Feasible;
use super::proposals::Proposals;
use super::trial::Trial;
use crate::config::SearchConfig;
use std::collections::HashSet;

/// Draws every candidate anew. The first population is the very one that [`Evolution`](super::Evolution) starts from.
pub struct RandomSearch<'a> {
    proposals: Proposals<'a>,
    budget: Budget,
    told: HashSet<u64>,
    generation: u64,
    /// The next id to draw.
    next: u64,
}

impl<'a> RandomSearch<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            proposals: Proposals::new(feasible, seed),
            budget: Budget::new(settings),
            told: HashSet::new(),
            generation: 0,
            next: 0,
        }
    }
}

impl Algorithm for RandomSearch<'_> {
    fn ask(&mut self, n: usize) -> Vec<Candidate> {
        let mut asked: Vec<Candidate> = Vec::new();
        while asked.is_empty() && n > 0 && self.generation <= self.budget.last_generation() {
            let end = self.budget.ids(self.generation).end;
            let ids = self.next..end.min(self.next.saturating_add(n as u64));
            let wanted = (ids.end - ids.start) as usize;
            self.next = ids.end;
            asked = self.proposals.random(ids, self.generation);
            if asked.len() < wanted {
                // Nothing new is left: the search is over.
                self.generation = self.budget.last_generation() + 1;
            } else if self.next == end {
                self.generation += 1;
            }
            asked.retain(|candidate| !self.told.contains(&candidate.id));
        }
        asked
    }

    fn tell(&mut self, trial: &Trial) {
        self.told.insert(trial.id);
    }
}
