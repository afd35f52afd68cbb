//! `manifest.json`: what a run was made with, and the fingerprints that it is checked by.

use super::atomic;
use crate::checksum;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a run was made with: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this program that began the run.
    pub version: String,
    /// The subcommand that began the run.
    pub created_by: String,
    /// Fingerprint of the settings.
    pub settings: String,
    /// That of the settings before: whoever is killed between this file and `config.toml` leaves them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_before: Option<String>,
    /// Fingerprint of the prepared data that the run was begun with, once there is some: models are tied to it.
    pub data: Option<String>,
    /// The same without the test text, which may change; none where version 0.1.0 began the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_without_test: Option<String>,
    /// Fingerprint of the subwords that lie in the run; none where version 0.1.0 put them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subwords: Option<String>,
}

impl Manifest {
    /// Reads the manifest at `path`; none when there is no such file.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) when it is damaged or not a run's;
    /// [`Error::Failure`](crate::error::Error::Failure) when it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = atomic::read(path)? else {
            return Ok(None);
        };
        let manifest = checksum::from_text(&text, "the manifest of a run", "give another run_dir");
        manifest.map(Some).map_err(|error| error.at(path.display()))
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, checksum::to_text(self)?.as_bytes())
    }
}
