//! The settings in a run's `config.toml`: those that what is in the run was made with.

use super::{RunDirectory, holds_something};
use crate::config::is_adjustable;
use crate::error::{Error, Result};
use crate::run::atomic;
use crate::run::manifest::Manifest;
use crate::run::settings::{Made, Settings};
use toml::Table;

impl RunDirectory {
    /// Refuses settings that may not change and are others than the run's.
    pub(super) fn check_settings(&self, new: &Settings, manifest: &Manifest) -> Result<()> {
        let path = self.config();
        let old = atomic::read(&path)?.map(|text| Settings::parse(&text));
        let others = |differences: String| match differences.is_empty() {
            true => Ok(()),
            false => Err(self.refusal(&format!("it was begun with other settings: {differences}"))),
        };
        if manifest.settings == new.fingerprint() {
            return old.and_then(Result::ok).map_or(Ok(()), |old| others(old.other_precisions(new)));
        }
        let Some(old) = old else {
            return Err(self.refusal("it was begun with other settings"));
        };
        let old = old.map_err(|error| error.at(path.display()))?;
        others(old.differences(new))?;
        if ![Some(&manifest.settings), manifest.settings_before.as_ref()].contains(&Some(&old.fingerprint())) {
            return Err(self.refusal(
                "its config.toml was edited after it was begun; undo that, and give with --set what is to change",
            ));
        }
        Ok(())
    }

    /// Puts the settings that the run was opened with into its `config.toml`, for this is made with them now. What is there of
    /// weights and trials is not made with them: those that trainings may go on with other values of stay as they were unless it is
    /// weights, and those of the search where it has trials, unless it is trials.
    ///
    /// # Errors
    /// [`Error::Failure`] when they cannot be written.
    pub fn keep_settings(&self, made: Made) -> Result<()> {
        let Some(new) = &self.opened_with else { return Ok(()) };
        let before = atomic::read(&self.config())?.unwrap_or_default();
        let keeps_search = made != Made::Trials && holds_something(&self.search());
        let stays =
            |key: &str| (made != Made::Weights && is_adjustable(key)) || (keeps_search && key.starts_with("search."));
        let text = with_values_of(new, &before, stays)?;
        if text == before {
            return Ok(());
        }
        let settings = Settings::parse(&text)?;
        let adjustments = Settings::parse(&before)?.adjustments(&settings);
        if !adjustments.is_empty() {
            tracing::info!("run directory {}: goes on with other settings: {adjustments}", self.root().display());
        }
        let manifest = self.made_with()?;
        let (settings, settings_before) = (settings.fingerprint(), Some(manifest.settings.clone()));
        Manifest { settings, settings_before, ..manifest }.write(&self.manifest())?;
        atomic::write(&self.config(), text.as_bytes())
    }
}

/// `new` with the values of `before` where a key `stays`.
fn with_values_of(new: &str, before: &str, stays: impl Fn(&str) -> bool) -> Result<String> {
    let parse = |text: &str| text.parse::<Table>().map_err(|error| Error::input(error.message()));
    let (mut table, before) = (parse(new)?, parse(before)?);
    let mut differs = false;
    for (section, values) in table.iter_mut().filter_map(|(name, value)| Some((name.clone(), value.as_table_mut()?))) {
        let of_before = before.get(&section).and_then(|section| section.as_table());
        for (key, value) in values.iter_mut().filter(|(key, _)| stays(&format!("{section}.{key}"))) {
            if let Some(before) = of_before.and_then(|section| section.get(key))
                && before != value
            {
                *value = before.clone();
                differs = true;
            }
        }
    }
    if differs { toml::to_string(&table).map_err(Error::failure) } else { Ok(new.to_owned()) }
}
