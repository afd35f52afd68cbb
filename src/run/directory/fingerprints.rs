//! What a run's models are tied to: the fingerprints of its data and of its subwords.

use super::RunDirectory;
use crate::error::{Error, Result};
use crate::run::manifest::Manifest;

impl RunDirectory {
    /// Notes down, the first time, the fingerprint of the data that the run works on, and checks it ever after; returns that
    /// which the run was begun with, and its models are tied to. The test text may be another since, but for runs that version
    /// 0.1.0 began with one: the first call on them must find the same.
    ///
    /// # Errors
    /// [`Error::Input`] when the run was begun with other data; [`Error::Failure`] when the manifest cannot be written.
    pub fn check_data(&self, whole: &str, without_test: &str) -> Result<String> {
        let mut manifest = self.made_with()?;
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
            manifest.write(&self.manifest())?;
        }
        Ok(data)
    }

    /// Notes down the fingerprint of the subwords that lie in the run.
    ///
    /// # Errors
    /// [`Error::Failure`] when the manifest cannot be read or written.
    pub fn note_subwords(&self, fingerprint: &str) -> Result<()> {
        let manifest = self.made_with()?;
        if manifest.subwords.as_deref() == Some(fingerprint) {
            return Ok(());
        }
        Manifest { subwords: Some(fingerprint.to_owned()), ..manifest }.write(&self.manifest())
    }

    /// Refuses subwords, read from the run, that are not those that were written into it, as far as that is known.
    ///
    /// # Errors
    /// [`Error::Input`]: they were changed since.
    pub fn check_subwords(&self, fingerprint: &str) -> Result<()> {
        match self.made_with()?.subwords {
            Some(noted) if noted != fingerprint => {
                let message = "its subwords-source.json or subwords-target.json is damaged, or was changed after it was written; \
                               automoe train writes them anew";
                Err(Error::input(message).at(format!("run directory {}", self.root.display())))
            }
            _ => Ok(()),
        }
    }
}
