//! Random search under the constraints, with evolution's budget: the baseline that a search has to beat.

use crate::config::SearchConfig;
use crate::search::algorithm::{Algorithm, Candidate};
use crate::search::budget::Budget;
use crate::search::feasible::Feasible;
use crate::search::generations::Generations;
use crate::search::proposals::Proposals;
use crate::search::trial::Trial;

/// Draws every candidate anew. The first population is the very one that [`Evolution`](super::Evolution) starts from.
pub struct RandomSearch<'a> {
    generations: Generations,
    proposals: Proposals<'a>,
    parents: usize,
}

impl<'a> RandomSearch<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            generations: Generations::new(Budget::new(settings)),
            proposals: Proposals::new(feasible, seed),
            parents: settings.parents,
        }
    }
}

impl Algorithm for RandomSearch<'_> {
    fn ask(&mut self) -> Vec<Candidate> {
        let Self { generations, proposals, .. } = self;
        generations.ask(&mut |brood| proposals.random(brood))
    }

    fn tell(&mut self, trial: &Trial) {
        self.generations.tell(trial);
    }

    /// As many as evolution would keep: several winners may be asked for.
    fn survivors(&self) -> usize {
        self.parents
    }
}
