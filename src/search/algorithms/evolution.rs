//! Evolutionary search: the best have mutants and crossovers, generation after generation.
//!
//! Unlike the reference, nothing is evaluated twice: parents keep their loss, and an architecture that was proposed
//! before is drawn again. As parents live on until better ones come, a generation's parents are simply the best trials
//! of all generations before it, so the trials alone say where the search stands.

use crate::config::SearchConfig;
use crate::search::algorithm::{Algorithm, Candidate};
use crate::search::budget::Budget;
use crate::search::feasible::Feasible;
use crate::search::generations::{Brood, Generations};
use crate::search::proposals::Proposals;
use crate::search::trial::{Trial, best};
use crate::space::Space;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The evolution of HAT and AutoMoE. A generation is complete before the next one is drawn.
pub struct Evolution<'a> {
    generations: Generations,
    nursery: Nursery<'a>,
}

impl<'a> Evolution<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            generations: Generations::new(Budget::new(settings)),
            nursery: Nursery {
                settings: settings.clone(),
                space: feasible.space(),
                proposals: Proposals::new(feasible, seed),
            },
        }
    }
}

impl Algorithm for Evolution<'_> {
    fn ask(&mut self, n: usize) -> Vec<Candidate> {
        let Self { generations, nursery } = self;
        generations.ask(n, &mut |brood| nursery.draw(brood))
    }

    fn tell(&mut self, trial: &Trial) {
        self.generations.tell(trial);
    }
}

/// What draws the candidates of a generation.
struct Nursery<'a> {
    settings: SearchConfig,
    space: &'a Space,
    proposals: Proposals<'a>,
}

impl Nursery<'_> {
    /// Random candidates first; then mutants and crossovers of the best trials of earlier generations, and none where
    /// there are no such trials, for that would stay so for ever.
    fn draw(&mut self, brood: &Brood) -> Vec<Candidate> {
        if brood.generation == 0 {
            return self.proposals.random(brood);
        }
        let parents = best(brood.earlier.iter().copied(), self.settings.parents);
        if parents.is_empty() {
            return Vec::new();
        }
        let (space, probability) = (self.space, self.settings.mutation_probability);
        let mutant = |rng: &mut ChaCha8Rng| {
            let parent = parents[rng.random_range(0..parents.len())];
            let mutant = space.mutate(&parent.architecture, probability, rng);
            (mutant, vec![parent.id])
        };
        let crossover = |rng: &mut ChaCha8Rng| {
            let (a, b) = two_of(&parents, rng);
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

/// Two different parents, as long as there are two.
fn two_of<'t>(parents: &[&'t Trial], rng: &mut ChaCha8Rng) -> (&'t Trial, &'t Trial) {
    let first = rng.random_range(0..parents.len());
    if parents.len() == 1 {
        return (parents[first], parents[first]);
    }
    let other = rng.random_range(0..parents.len() - 1);
    let second = if other < first { other } else { other + 1 };
    (parents[first], parents[second])
}
