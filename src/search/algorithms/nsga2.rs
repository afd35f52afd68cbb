//! NSGA-II (Deb et al. 2002): several objectives, of which none is weighed against another.
//!
//! A generation's parents are chosen among all trials before it, as evolution's are, rather than among the last parents and
//! their children: so the trials alone say where the search stands.

use crate::config::{ObjectiveName, SearchConfig};
use crate::search::algorithm::{Algorithm, Candidate};
use crate::search::budget::Budget;
use crate::search::feasible::Feasible;
use crate::search::generations::Generations;
use crate::search::nursery::{Nursery, uniform};
use crate::search::trial::{Trial, ranked};
use rand_chacha::ChaCha8Rng;

/// Fronts and crowding choose the parents; the better of two random ones has the child.
pub struct Nsga2<'a> {
    generations: Generations,
    nursery: Nursery<'a>,
    objectives: Vec<ObjectiveName>,
    population: usize,
}

impl<'a> Nsga2<'a> {
    /// A search at its start, with as many parents as the settings have a `population`.
    pub fn new(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Self {
        Self {
            generations: Generations::new(Budget::new(settings)),
            nursery: Nursery::new(settings, feasible, seed),
            objectives: settings.objectives.clone(),
            population: settings.population,
        }
    }
}

impl Algorithm for Nsga2<'_> {
    fn ask(&mut self) -> Vec<Candidate> {
        let Self { generations, nursery, objectives, population } = self;
        generations
            .ask(&mut |brood| nursery.draw(brood, |earlier| survivors(earlier, objectives, *population), tournament))
    }

    fn tell(&mut self, trial: &Trial) {
        self.generations.tell(trial);
    }

    fn survivors(&self) -> usize {
        self.population
    }
}

/// The `count` best of `trials`, best first.
fn survivors<'t>(trials: Vec<&'t Trial>, objectives: &[ObjectiveName], count: usize) -> Vec<&'t Trial> {
    let mut survivors = ranked(trials, objectives);
    survivors.truncate(count);
    survivors
}

/// The better of two random places, better ones being first; not `other`.
fn tournament(count: usize, other: Option<usize>, rng: &mut ChaCha8Rng) -> usize {
    let [first, second] = [uniform(count, other, rng), uniform(count, other, rng)];
    first.min(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::trial;

    #[test]
    fn fronts_come_first_then_those_that_stand_alone() {
        // The first front is (1, 9), (2, 5), (2.5, 4.5), (8, 1); (3, 8) and (9, 9) are behind it, one after the other.
        let figures = [(3.0, 8.0), (1.0, 9.0), (9.0, 9.0), (2.5, 4.5), (8.0, 1.0), (2.0, 5.0)];
        let trials: Vec<Trial> = figures
            .iter()
            .zip(0..)
            .map(|((loss, gflops), id)| Trial { gflops: *gflops, ..trial(id, Some(*loss)) })
            .collect();
        let objectives = ["loss", "gflops"].map(|name| ObjectiveName::new(name).unwrap());
        let ids = |count| -> Vec<u64> {
            survivors(trials.iter().collect(), &objectives, count).iter().map(|trial| trial.id).collect()
        };
        // Crowding of (2, 5): 1.5/7 + 4.5/8; of (2.5, 4.5): 6/7 + 4/8.
        assert_eq!(ids(6), [1, 4, 3, 5, 0, 2]);
        assert_eq!(ids(3), [1, 4, 3]);
    }
}
