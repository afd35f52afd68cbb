//! Ridge regression: what a figure is by numbers that describe a thing.

mod least_squares;
mod ridge;

pub use least_squares::penalised;
pub use ridge::{Ridge, Term, predict};
