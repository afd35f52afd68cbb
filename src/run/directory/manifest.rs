//! `manifest.json`: what a run was made with, and the fingerprints that it is checked by.

use super::{RunDirectory, read_own};
use crate::checksum;
use crate::error::{Error, Result};
use crate::run::atomic;
use serde::{Deserialize, Serialize};

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

impl RunDirectory {
    /// What it was made with.
    ///
    /// # Errors
    /// [`Error::Input`] when the manifest is damaged; [`Error::Failure`] when it is gone.
    pub fn made_with(&self) -> Result<Manifest> {
        self.own_manifest()
    }

    /// Notes down, the first time, the fingerprint of the data that the run works on, and checks it ever after; returns that
    /// which the run was begun with, and its models are tied to. The test text may be another since, but for runs that version
    /// 0.1.0 began with one: the first call on them must find the same.
    ///
    /// # Errors
    /// [`Error::Input`] when the run was begun with other data; [`Error::Failure`] when the manifest cannot be written.
    pub fn check_data(&self, whole: &str, without_test: &str) -> Result<String> {
        let mut manifest = self.own_manifest()?;
        let is_same = match (&manifest.data_without_test, &manifest.data) {
            (Some(known), _) => known == without_test,
            (None, Some(data)) => [whole, without_test].contains(&data.as_str()),
            (None, None) => true,
        };
        if !is_same {
            return Err(
                self.refusal("the data has changed since it was begun, or its white space is read otherwise now")
            );
        }
        let data = manifest.data.get_or_insert_with(|| whole.to_owned()).clone();
        if self.lock.is_some() && manifest.data_without_test.is_none() {
            manifest.data_without_test = Some(without_test.to_owned());
            self.write_manifest(&manifest)?;
        }
        Ok(data)
    }

    /// Notes down the fingerprint of the subwords that lie in the run.
    ///
    /// # Errors
    /// [`Error::Failure`] when the manifest cannot be read or written.
    pub fn note_subwords(&self, fingerprint: &str) -> Result<()> {
        let manifest = self.own_manifest()?;
        if manifest.subwords.as_deref() == Some(fingerprint) {
            return Ok(());
        }
        self.write_manifest(&Manifest { subwords: Some(fingerprint.to_owned()), ..manifest })
    }

    /// Refuses subwords, read from the run, that are not those that were written into it, as far as that is known.
    ///
    /// # Errors
    /// [`Error::Input`]: they were changed since.
    pub fn check_subwords(&self, fingerprint: &str) -> Result<()> {
        match self.own_manifest()?.subwords {
            Some(noted) if noted != fingerprint => {
                let message = "its subwords-source.json or subwords-target.json is damaged, or was changed after it was written; \
                               automoe train writes them anew";
                Err(Error::input(message).at(format!("run directory {}", self.root.display())))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn own_manifest(&self) -> Result<Manifest> {
        self.read_manifest()?.ok_or_else(|| Error::failure("it is gone").at(self.manifest().display()))
    }

    pub(super) fn read_manifest(&self) -> Result<Option<Manifest>> {
        let path = self.manifest();
        let Some(text) = read_own(&path)? else {
            return Ok(None);
        };
        let manifest = checksum::from_text(&text, "the manifest of a run", "give another run_dir");
        manifest.map(Some).map_err(|error| error.at(path.display()))
    }

    pub(super) fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        atomic::write(&self.manifest(), checksum::to_text(manifest)?.as_bytes())
    }
}
