//! Who proposes what to try next.

use super::trial::Trial;
use crate::space::Architecture;

/// An architecture to be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its number, and that of its trial; never used twice.
    pub id: u64,
    /// Generation that it belongs to; 0 is the first, random one.
    pub generation: u64,
    /// Trials that it descends from.
    pub parents: Vec<u64>,
    /// What to evaluate.
    pub architecture: Architecture,
}

/// Proposes candidates and learns from their trials.
///
/// # The rules
/// 1. What [`ask`](Self::ask) answers follows from the settings, the seed, and the trials told so far: from nothing
///    else, neither time nor the order in which parallel evaluations end. Randomness comes from
///    [`seed::stream`](crate::seed::stream), indexed by something like the candidate's id.
/// 2. Trials come to [`tell`](Self::tell) in the order of the log. That holds in a resumed search too, which may tell
///    trials that were not asked for since the program started.
/// 3. A candidate is not asked for when its trial has been told. Ids of one answer rise.
/// 4. Pruned trials were beyond a measured limit and have no loss: others take their place, within bounds, or the search
///    would learn of fewer candidates the lower the limit.
/// 5. An empty answer means: the search is over.
///
/// Hence the trial log is the whole state of a search, and interrupting, resuming, evaluating in parallel and reading
/// results from a log need no code in an algorithm.
///
/// # Adding an algorithm
/// 1. Write `src/search/algorithms/NAME.rs` with a type that implements this trait. [`Feasible`](super::Feasible) says what
///    the constraints allow; `Proposals` (in `proposals.rs`) draws feasible candidates of which none was proposed before;
///    `Generations` numbers them and replaces the pruned ones. [`RandomSearch`](super::RandomSearch) is the shortest example.
/// 2. Add its name to `src/catalog/algorithms.rs` and its line to `src/search/algorithms/mod.rs`; its own settings, if any, go
///    into [`SearchConfig`](crate::config::SearchConfig). The tests of this room then hold it to the rules above.
///
/// This one tries what it is given, in order:
/// ```
/// use automoe::search::{Algorithm, Candidate, Trial};
/// use automoe::space::Architecture;
///
/// struct Listed {
///     architectures: Vec<Architecture>,
///     /// Candidates told.
///     told: usize,
/// }
///
/// impl Algorithm for Listed {
///     fn ask(&mut self) -> Vec<Candidate> {
///         (self.told..self.architectures.len())
///             .map(|index| Candidate {
///                 id: index as u64,
///                 generation: 0,
///                 parents: Vec::new(),
///                 architecture: self.architectures[index].clone(),
///             })
///             .collect()
///     }
///
///     fn tell(&mut self, trial: &Trial) {
///         self.told = trial.id as usize + 1;
///     }
///
///     fn survivors(&self) -> usize {
///         1
///     }
/// }
/// ```
pub trait Algorithm {
    /// The candidates that are to be evaluated next, as far as their trials are not told already; none at the end of the search.
    fn ask(&mut self) -> Vec<Candidate>;

    /// Takes in a result.
    fn tell(&mut self, trial: &Trial);

    /// How many of the best trials something may come of: where candidates race, one that so many beat is dropped.
    fn survivors(&self) -> usize;
}
