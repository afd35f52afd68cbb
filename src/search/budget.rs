//! How many candidates a search may evaluate, in all and in each generation.

use crate::config::SearchConfig;

/// The evaluations of one search: a first population, then generations of children.
///
/// It is the same for evolution and random search, so that the two compare.
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

    /// Candidates of `generation`, those that replace pruned ones not counted.
    pub fn size(&self, generation: u64) -> u64 {
        if generation == 0 { self.population } else { self.children }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing;

    #[test]
    fn generations_share_out_the_total() {
        let budget = Budget::new(&testing::settings());
        let sizes = (0..=budget.last_generation()).map(|generation| budget.size(generation));
        assert_eq!(sizes.sum::<u64>(), budget.total());
    }
}
