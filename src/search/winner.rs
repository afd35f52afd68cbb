//! What a search has found, in the run's files.

use crate::checksum;
use crate::error::Result;
use crate::run::{RunDirectory, atomic};
use crate::space::Architecture;

/// The architecture that the search of `run` found; none before its end.
///
/// # Errors
/// A file that cannot be read, or is damaged.
pub fn read_winner(run: &RunDirectory) -> Result<Option<Architecture>> {
    let path = run.winner();
    let Some(text) = atomic::read(&path)? else { return Ok(None) };
    let read = checksum::from_text(&text, "an architecture", "automoe search writes it anew");
    read.map(Some).map_err(|error| error.at(path.display()))
}
