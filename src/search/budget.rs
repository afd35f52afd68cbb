//! How many candidates a search may evaluate, and which ids belong to which generation.

use crate::config::SearchConfig;
use std::ops::Range;

/// The evaluations of one search: a first population, then generations of children.
///
/// Evolution and random search number their candidates alike, so that equal budgets compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    population: u64,
    children: u64,
    generations: u64,
}

impl Budget {
    /// The budget of `settings`: `population + generations · (mutations + crossovers)`.
    pub fn new(settings: &SearchConfig) -> Self {
        Self {
            population: settings.population as u64,
            children: (settings.mutations as u64).saturating_add(settings.crossovers as u64),
            generations: settings.generations as u64,
        }
    }

    /// Evaluations in all; a search of a small space may end earlier.
    pub fn total(&self) -> u64 {
        self.children.saturating_mul(self.generations).saturating_add(self.population)
    }

    /// The last generation; the first, random one is 0.
    pub fn last_generation(&self) -> u64 {
        self.generations
    }

    /// Ids of `generation`'s candidates.
    pub fn ids(&self, generation: u64) -> Range<u64> {
        let Some(earlier) = generation.checked_sub(1) else {
            return 0..self.population;
        };
        let start = self.children.saturating_mul(earlier).saturating_add(self.population);
        start..start.saturating_add(self.children)
    }

    /// The most candidates that a generation has.
    pub fn largest_generation(&self) -> usize {
        self.population.max(self.children) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing;

    #[test]
    fn generations_share_out_the_ids_without_gaps() {
        let budget = Budget::new(&testing::settings());
        let mut next = 0;
        for generation in 0..=budget.last_generation() {
            let ids = budget.ids(generation);
            assert_eq!(ids.start, next);
            next = ids.end;
        }
        assert_eq!(next, budget.total());
    }
}
