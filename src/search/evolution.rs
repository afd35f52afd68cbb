//! Evolutionary search: the best have mutants and crossovers, generation after generation.
//!
//! Unlike the reference, nothing is evaluated twice: parents keep their loss, and an architecture that was proposed
//! before is drawn again. As parents live on until better ones come, a generation's parents are simply the best trials
//! of all generations before it, so the trials alone say where the search stands.

use super::algorithm::{Algorithm, Candidate};
use super::budget::Budget;
use super::feasible::Feasible;
use super::proposals::Proposals;
use super::trial::{Trial, best};
use crate::config::SearchConfig;
use crate::space::Space;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// The evolution of HAT and AutoMoE. A generation is complete before the next one is drawn.
pub struct Evolution<'a> {
    settings: SearchConfig,
    space: &'a Space,
    proposals: Proposals<'a>,
    budget: Budget,
    told: BTreeMap<u64, Trial>,
    /// The generation that is being evaluated, and how many of it have been asked for.
    current: Vec<Candidate>,
    asked: usize,
    /// The generation to draw when the current one is complete.
    next_generation: u64,
}

impl<'a> Evolution<'a> {
    /// A search at its start.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            settings: settings.clone(),
            space: feasible.space(),
            proposals: Proposals::new(feasible, seed),
            budget: Budget::new(settings),
            told: BTreeMap::new(),
            current: Vec::new(),
            asked: 0,
            next_generation: 0,
        }
    }

    fn current_is_complete(&self) -> bool {
        self.current.iter().all(|c| self.told.contains_key(&c.id))
    }

    /// Draws the next generation; an empty one ends the search, for the parents would stay the same for ever.
    fn draw_next(&mut self) {
        let generation = self.next_generation;
        self.current =
            if generation == 0 { self.proposals.random(self.budget.ids(0), 0) } else { self.children(generation) };
        self.asked = 0;
        self.next_generation = if self.current.is_empty() { self.budget.last_generation() + 1 } else { generation + 1 };
    }

    /// Mutants and crossovers of the best trials so far.
    fn children(&mut self, generation: u64) -> Vec<Candidate> {
        let ids = self.budget.ids(generation);
        let earlier = self.told.range(..ids.start).map(|(_, trial)| trial);
        let parents = best(earlier, self.settings.parents);
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
        let split = ids.start + self.settings.mutations as u64;
        let proposals = &mut self.proposals;
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

impl Algorithm for Evolution<'_> {
    fn ask(&mut self, n: usize) -> Vec<Candidate> {
        while self.current_is_complete() && self.next_generation <= self.budget.last_generation() {
            self.draw_next();
        }
        let mut asked = Vec::new();
        while asked.len() < n
            && let Some(candidate) = self.current.get(self.asked)
        {
            self.asked += 1;
            if !self.told.contains_key(&candidate.id) {
                asked.push(candidate.clone());
            }
        }
        asked
    }

    fn tell(&mut self, trial: &Trial) {
        self.told.insert(trial.id, trial.clone());
    }
}
