//! The algorithms, each in its file, and which of them a name in the config means.

mod evolution;
mod nsga2;
mod random;

pub use evolution::Evolution;
pub use nsga2::Nsga2;
pub use random::RandomSearch;

use super::algorithm::Algorithm;
use super::feasible::Feasible;
use crate::config::SearchConfig;

/// An algorithm at its start, from the settings of a search, what it may propose, and the seed.
type Start = for<'a> fn(&SearchConfig, &'a Feasible<'a>, u64) -> Box<dyn Algorithm + 'a>;

/// What starts each algorithm of the catalog.
const STARTS: [(&str, Start); 3] = [
    ("evolution", |settings, feasible, seed| Box::new(Evolution::new(settings, feasible, seed))),
    ("random", |settings, feasible, seed| Box::new(RandomSearch::new(settings, feasible, seed))),
    ("nsga2", |settings, feasible, seed| Box::new(Nsga2::new(settings, feasible, seed))),
];

/// The algorithm that `settings` name, at its start.
pub fn algorithm<'a>(settings: &SearchConfig, feasible: &'a Feasible<'a>, seed: u64) -> Box<dyn Algorithm + 'a> {
    let of_name = STARTS.iter().find(|(name, _)| *name == settings.algorithm.as_str());
    let (_, start) = of_name.expect("every algorithm of the catalog has its line");
    start(settings, feasible, seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ALGORITHMS;

    #[test]
    fn every_algorithm_of_the_catalog_is_started_by_its_line() {
        assert!(STARTS.iter().map(|(name, _)| *name).eq(ALGORITHMS));
    }
}
