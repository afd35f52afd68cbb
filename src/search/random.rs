//! Random search under the constraints, with evolution's budget: the baseline that a search has to beat.

use super::algorithm::{Algorithm, Candidate};
use super::budget::Budget;
use super::feasible::Feasible;
use super::generations::Generations;
use super::proposals::Proposals;
use super::trial::Trial;
use crate::config::SearchConfig;

/// Draws every candidate anew. The first population is the very one that [`Evolution`](super::Evolution) starts from.
pub struct RandomSearch<'a> {
    generations: Generations,
    proposals: Proposals<'a>,
}

impl<'a> RandomSearch<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self { generations: Generations::new(Budget::new(settings)), proposals: Proposals::new(feasible, seed) }
    }
}

impl Algorithm for RandomSearch<'_> {
    fn ask(&mut self, n: usize) -> Vec<Candidate> {
        let Self { generations, proposals } = self;
        generations.ask(n, &mut |brood| proposals.random(brood))
    }

    fn tell(&mut self, trial: &Trial) {
        self.generations.tell(trial);
    }
}
