//! `run.json`: what `automoe run` was asked for beside its config.

use super::atomic;
use crate::checksum;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What `automoe run` was asked for on its command line, and whether it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The device, as it is called.
    pub device: String,
    /// Of what the search finds, so many are trained.
    pub top: usize,
    /// Seeds that all is done with.
    pub seeds: u64,
    /// The ladder of limits, as it was given: `gflops=0.02,0.03`.
    pub ladder: Option<String>,
    /// Whether all of it is done.
    pub done: bool,
}

impl Request {
    /// Whether it was to be repeated with several seeds, and all of them are done.
    pub fn has_all_seeds(&self) -> bool {
        self.seeds > 1 && self.done
    }

    /// Reads the request at `path`; none when there is no such file.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) when it is damaged; [`Error::Failure`](crate::error::Error::Failure) when it
    /// cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = atomic::read(path)? else { return Ok(None) };
        let request = checksum::from_text(&text, "what automoe run was asked for", "remove the file");
        request.map(Some).map_err(|error| error.at(path.display()))
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, checksum::to_text(self)?.as_bytes())
    }
}
