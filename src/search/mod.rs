//! The search for the best architecture of a space: who proposes candidates, who measures them, and the log between the two.
//!
//! An [`Algorithm`] is asked for [`Candidate`]s and told [`Trial`]s. An [`Evaluator`] measures one architecture, its loss
//! and what else has to be measured, and is all that this room knows of models. [`Search::run`] stands between them and
//! keeps the [`TrialLog`], the only state of a search: whoever starts it again over the same log goes on where it ended.
//! [`Feasible`] is the part of the space that the [`Constraints`] allow; a limit on measured latency is judged trial by
//! trial, and at the end once more ([`first_within`]). How to add an algorithm is told at [`Algorithm`].

mod algorithm;
mod algorithms;
mod attempt;
mod budget;
mod constraints;
mod course;
mod driver;
mod evaluator;
mod feasible;
mod finalists;
mod front;
mod generations;
mod infeasible;
mod log;
mod nursery;
mod parts;
mod pick;
mod proposals;
mod race;
mod sample;
mod surrogate;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trial;
mod winner;
mod workers;

pub use algorithm::{Algorithm, Candidate};
pub use algorithms::{Evolution, Nsga2, RandomSearch, algorithm};
pub use attempt::guarded;
pub use budget::Budget;
pub use constraints::{Constraints, DecoderExcess};
pub use course::Course;
pub use driver::{Search, SearchProgress};
pub use evaluator::{Evaluation, Evaluator};
pub use feasible::{Feasible, LeftOut};
pub use finalists::{Finalist, first_within};
pub use front::{by_knee, crowding, dominates, fronts, hypervolume, take_into_front};
pub use log::TrialLog;
pub use pick::{Pick, check_pick, front, picked};
pub use race::PARTS;
pub use sample::{at_least, sample};
pub use trial::{Trial, TrialState, best, ranked};
pub use winner::read_winner;
