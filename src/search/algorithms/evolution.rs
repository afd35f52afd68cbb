//! Evolutionary search: the best have mutants and crossovers, generation after generation.
//!
//! Unlike the reference, nothing is evaluated twice: parents keep their loss, and an architecture that was proposed
//! before is drawn again. As parents live on until better ones come, a generation's parents are simply the best trials
//! of all generations before it, so the trials alone say where the search stands.

use crate::config::SearchConfig;
use crate::search::algorithm::{Algorithm, Candidate};
use crate::search::budget::Budget;
use crate::search::feasible::Feasible;
use crate::search::generations::Generations;
use crate::search::nursery::{Nursery, uniform};
use crate::search::trial::{Trial, best};

/// The evolution of HAT and AutoMoE. A generation is complete before the next one is drawn.
pub struct Evolution<'a> {
    generations: Generations,
    nursery: Nursery<'a>,
    parents: usize,
}

impl<'a> Evolution<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            generations: Generations::new(Budget::new(settings)),
            nursery: Nursery::new(settings, feasible, seed),
            parents: settings.parents,
        }
    }
}

impl Algorithm for Evolution<'_> {
    fn ask(&mut self) -> Vec<Candidate> {
        let Self { generations, nursery, parents } = self;
        generations.ask(&mut |brood| nursery.draw(brood, |earlier| best(earlier, *parents), uniform))
    }

    fn tell(&mut self, trial: &Trial) {
        self.generations.tell(trial);
    }

    fn survivors(&self) -> usize {
        self.parents
    }
}
