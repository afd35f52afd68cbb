//! What a search was begun with, kept beside its trials: whoever goes on with them must have the same.

use super::latency::conditions;
use super::weights_hash::hash_file;
use super::workspace::Workspace;
use crate::bounded::read_with;
use crate::catalog::KV_CACHE_MB;
use crate::checksum;
use crate::config::SearchConfig;
use crate::error::{Error, Result};
use crate::run::{RunDirectory, Settings, atomic};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::Path;

/// The record, beside the trials.
const FILE: &str = "record.json";

/// The most of it that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// What version 0.1.0 kept in place of it: a file for each of the record's fields.
const FILES_OF_0_1: [&str; 3] = ["weights.blake3", "latency-conditions.txt", "settings.toml"];

/// The conditions of a latency that is not measured.
const NOT_MEASURED: &str = "not measured";

/// `search/record.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SearchRecord {
    /// BLAKE3 of the checkpoint with whose weights the trials were measured; none where it is not known.
    weights: Option<String>,
    /// Where and how the trials' latency was measured.
    latency: String,
    /// The settings of the search; none where they are not known.
    settings: Option<SearchConfig>,
    /// Validation pairs that the trials were measured on where some were too long and left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validation_pairs: Option<usize>,
    /// `translate.beam` where the keys and values that it holds are limited.
    beam: Option<usize>,
    /// What the search began with, of what it was given: as many as its first generation has, at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warm_start: Vec<Architecture>,
}

impl SearchRecord {
    /// That of a search of `workspace` with the weights at `checkpoint`.
    ///
    /// # Errors
    /// A checkpoint that cannot be read.
    pub fn new(workspace: &Workspace, checkpoint: &Path) -> Result<Self> {
        // How many work side by side changes no trial.
        let settings = SearchConfig { parallel: 0, ..workspace.config.search.clone() };
        let beam = settings.asks_for(KV_CACHE_MB).then_some(workspace.config.translate.beam);
        let latency = match settings.measures_latency() {
            true => conditions(workspace),
            false => NOT_MEASURED.to_owned(),
        };
        let validation_pairs = workspace.validation_pairs_left();
        let weights = Some(hash_file(checkpoint)?);
        let warm_start = Vec::new();
        Ok(Self { weights, latency, settings: Some(settings), validation_pairs, beam, warm_start })
    }

    /// What the search of `run` began with, whose trials are there; nothing where there are none.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn began_with(run: &RunDirectory) -> Result<Vec<Architecture>> {
        let trials = run.trials();
        if has_begun(&trials) { Ok(Self::read(&trials)?.warm_start) } else { Ok(Vec::new()) }
    }

    /// Of a search that begins with these.
    pub fn beginning_with(self, warm_start: &[Architecture]) -> Self {
        Self { warm_start: warm_start.to_vec(), ..self }
    }

    /// What losses on the device called so follow from besides the architecture.
    pub fn conditions(&self, device_name: &str) -> String {
        let settings = self.settings.as_ref().map(|settings| (settings.max_tokens, settings.precision));
        let text = format!("{:?} {settings:?} {:?} {device_name}", self.weights, self.validation_pairs);
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }

    /// Keeps this beside the trials of `run` where there are none yet. Where there are, they must have been measured with
    /// the same weights and under the same conditions; tells how the settings differ from those that they were begun with,
    /// empty where they do not.
    ///
    /// # Errors
    /// Trials of other weights, another precision or other conditions; a record that cannot be read or written.
    pub fn tie(&self, run: &RunDirectory) -> Result<String> {
        let trials = run.trials();
        if !has_begun(&trials) {
            remove(&run.finalists())?;
            remove(&run.search_spent())?;
            remove(&run.winner())?;
            self.write(&trials)?;
            return Ok(String::new());
        }
        let then = Self::read(&trials)?;
        let refused = |message: String| Err(Error::input(message).at(trials.display()));
        if self.has_other_weights(&then) {
            return refused(
                "these trials were measured with other weights; automoe search --fresh removes them".into(),
            );
        }
        let precision = |record: &Self| record.settings.as_ref().map(|settings| settings.precision).unwrap_or_default();
        let (before, now) = (precision(&then), precision(self));
        if before != now {
            return refused(format!(
                "these trials were evaluated in {before}, and search.precision = \"{now}\"; automoe search --fresh removes them"
            ));
        }
        let races = |record: &Self| record.settings.as_ref().map(|settings| settings.racing);
        if let (Some(before), Some(now)) = (races(&then), races(self))
            && before != now
        {
            return refused(format!(
                "these trials were evaluated with search.racing = {before}, and it is {now}; automoe search --fresh removes them"
            ));
        }
        if then.validation_pairs != self.validation_pairs {
            let pairs = |record: &Self| record.validation_pairs.map_or("all".to_owned(), |pairs| pairs.to_string());
            return refused(format!(
                "these trials were measured on {} validation pairs, not on {} (data.skip_long); automoe search --fresh removes \
                 the trials",
                pairs(&then),
                pairs(self)
            ));
        }
        if self.latency != NOT_MEASURED && self.latency != then.latency {
            return refused(format!(
                "the latency of these trials is: {}; now it is to be measured on {}; automoe search --fresh removes the trials",
                then.latency, self.latency
            ));
        }
        if then.weights.is_none() {
            tracing::info!(
                "{}: it is not known with which weights they were measured; taken for these",
                trials.display()
            );
            Self { weights: self.weights.clone(), ..then.clone() }.write(&trials)?;
        }
        self.changes_since(&then)
    }

    /// Whether `trials` has any, and they are known to be measured with other weights.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn is_stale(&self, trials: &Path) -> Result<bool> {
        Ok(has_begun(trials) && self.has_other_weights(&Self::read(trials)?))
    }

    /// Whether `trials` has any, and they are of other weights or settings than a search that goes on with them would have.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn is_other(&self, trials: &Path) -> Result<bool> {
        if !has_begun(trials) {
            return Ok(false);
        }
        let mut then = Self::read(trials)?;
        if let (Some(then), Some(now)) = (&mut then.settings, &self.settings) {
            // A search goes on for as many generations as it is to have.
            (then.generations, then.patience) = (now.generations, now.patience);
        }
        let is_measured_elsewhere = self.latency != NOT_MEASURED && self.latency != then.latency;
        let is_other = self.has_other_weights(&then) || then.validation_pairs != self.validation_pairs;
        Ok(is_other || is_measured_elsewhere || !self.changes_since(&then)?.is_empty())
    }

    fn has_other_weights(&self, then: &Self) -> bool {
        then.weights.is_some() && then.weights != self.weights
    }

    /// How the settings differ from those of `then`; empty where they do not, or where either are not known.
    fn changes_since(&self, then: &Self) -> Result<String> {
        let (Some(before), Some(now)) = (&then.settings, &self.settings) else {
            return Ok(String::new());
        };
        let parse = |settings| Settings::parse(&toml::to_string(settings).map_err(Error::failure)?);
        let mut changes = vec![parse(before)?.differences(&parse(now)?)];
        if let (Some(before), Some(now)) = (then.beam, self.beam)
            && before != now
        {
            changes.push(format!("translate.beam = {before} (now {now})"));
        }
        if then.warm_start != self.warm_start {
            changes.push("other architectures of --warm-start".into());
        }
        changes.retain(|change| !change.is_empty());
        Ok(changes.join(", "))
    }

    fn write(&self, trials: &Path) -> Result<()> {
        atomic::write(&trials.with_file_name(FILE), checksum::to_text(self)?.as_bytes())?;
        FILES_OF_0_1.iter().try_for_each(|name| remove(&trials.with_file_name(name)))
    }

    fn read(trials: &Path) -> Result<Self> {
        let path = trials.with_file_name(FILE);
        if !path.exists() {
            return Ok(Self::of_0_1(trials));
        }
        let advice = "automoe search --fresh removes its trials";
        read_with(&path, MAX_BYTES, |text| checksum::from_text(text, "the record of a search", advice))
    }

    fn of_0_1(trials: &Path) -> Self {
        let [weights, latency, settings] =
            FILES_OF_0_1.map(|name| std::fs::read_to_string(trials.with_file_name(name)).ok());
        Self {
            weights: weights.map(|text| text.trim().to_owned()),
            latency: latency.map_or_else(|| NOT_MEASURED.to_owned(), |text| text.trim().to_owned()),
            settings: settings.and_then(|text| toml::from_str(&text).ok()),
            validation_pairs: None,
            beam: None,
            warm_start: Vec::new(),
        }
    }
}

/// Whether the log `trials` has any.
pub(super) fn has_begun(trials: &Path) -> bool {
    trials.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Removes a file that need not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::failure(error).at(path.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(weights: &str, latency: &str, settings: &str) -> SearchRecord {
        SearchRecord {
            weights: Some(weights.into()),
            latency: latency.into(),
            settings: Some(toml::from_str(settings).unwrap()),
            validation_pairs: None,
            beam: None,
            warm_start: Vec::new(),
        }
    }

    /// A run directory with `then`, or with the files of version 0.1.0 that say the same, beside trials.
    fn begun(then: &SearchRecord, of_0_1: Option<[&str; 3]>) -> (tempfile::TempDir, RunDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::open(&folder.path().join("run"), "", "search", false).unwrap();
        match of_0_1 {
            Some(texts) => {
                for (name, text) in FILES_OF_0_1.iter().zip(texts) {
                    std::fs::write(run.trials().with_file_name(name), text).unwrap();
                }
            }
            None => assert_eq!(then.tie(&run).unwrap(), ""),
        }
        std::fs::write(run.trials(), "{}\n").unwrap();
        (folder, run)
    }

    #[test]
    fn trials_go_on_with_what_they_were_begun_with() {
        let then = record("a1", "cpu, 2 threads", "population = 8\nmax_gflops = 0.5\n");
        let files = ["a1\n", "cpu, 2 threads\n", "population = 8\nmax_gflops = 0.5\n"];
        for of_0_1 in [None, Some(files)] {
            let (_folder, run) = begun(&then, of_0_1);
            assert_eq!(then.tie(&run).unwrap(), "");
            let changed = record("a1", "cpu, 2 threads", "population = 8\nmax_gflops = 0.25\n");
            assert_eq!(changed.tie(&run).unwrap(), "max_gflops = 0.5 (now 0.25)");
            assert!(changed.is_other(&run.trials()).unwrap() && !then.is_other(&run.trials()).unwrap());
            let longer = record("a1", "cpu, 2 threads", "population = 8\nmax_gflops = 0.5\ngenerations = 99\n");
            assert!(!longer.is_other(&run.trials()).unwrap());
            // Where latency is not measured, it does not matter how it was.
            assert_eq!(SearchRecord { latency: NOT_MEASURED.into(), ..then.clone() }.tie(&run).unwrap(), "");
            for (other, message) in [
                (record("b2", "cpu, 2 threads", ""), "these trials were measured with other weights"),
                (
                    record("a1", "cpu, 1 thread", ""),
                    "the latency of these trials is: cpu, 2 threads; now it is to be measured on cpu, 1 thread",
                ),
                (
                    SearchRecord { validation_pairs: Some(7), ..then.clone() },
                    "these trials were measured on all validation pairs, not on 7 (data.skip_long)",
                ),
            ] {
                let error = other.tie(&run).unwrap_err();
                assert!(error.to_string().contains(message), "{error}");
                assert_eq!(error.exit_code(), 2);
                assert!(other.is_other(&run.trials()).unwrap());
            }
            // A search anew forgets it.
            remove(&run.trials()).unwrap();
            record("b2", NOT_MEASURED, "").tie(&run).unwrap();
            let left = std::fs::read_dir(run.trials().parent().unwrap()).unwrap();
            let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, [FILE]);
        }
    }

    #[test]
    fn a_key_that_was_not_known_then_counts_as_its_default() {
        let then = "population = 8\nmax_gflops = 0.5\n";
        let (_folder, run) = begun(&record("a1", NOT_MEASURED, then), Some(["a1\n", NOT_MEASURED, then]));
        for (now, changes) in [
            (then.to_owned(), ""),
            (format!("{then}max_kv_cache_mb = 0.0\n"), ""),
            (format!("{then}max_kv_cache_mb = 2.0\n"), "max_kv_cache_mb = 0.0 (now 2.0)"),
        ] {
            assert_eq!(record("a1", NOT_MEASURED, &now).tie(&run).unwrap(), changes);
        }
    }

    #[test]
    fn trials_of_another_precision_are_refused() {
        let half = "population = 8\nprecision = \"bfloat16\"\n";
        for (then, now, message) in [
            ("population = 8\n", half, "evaluated in float32, and search.precision = \"bfloat16\""),
            (half, "population = 8\n", "evaluated in bfloat16, and search.precision = \"float32\""),
        ] {
            let (_folder, run) = begun(&record("a1", NOT_MEASURED, then), None);
            assert_eq!(record("a1", NOT_MEASURED, then).tie(&run).unwrap(), "");
            let error = record("a1", NOT_MEASURED, now).tie(&run).unwrap_err();
            assert!(error.to_string().contains(message) && error.exit_code() == 2, "{error}");
        }
    }

    #[test]
    fn another_beam_is_named_where_its_keys_and_values_are_limited() {
        let with = |beam, limit| {
            let settings = format!("max_kv_cache_mb = {limit}\n");
            SearchRecord { beam, ..record("a1", NOT_MEASURED, &settings) }
        };
        let (_folder, run) = begun(&with(Some(5), 2.0), None);
        for (now, changes) in [
            (with(Some(5), 2.0), ""),
            (with(Some(4), 2.0), "translate.beam = 5 (now 4)"),
            (with(Some(4), 3.0), "max_kv_cache_mb = 2 (now 3), translate.beam = 5 (now 4)"),
            (with(None, 0.0), "max_kv_cache_mb = 2 (now 0)"),
        ] {
            assert_eq!(now.tie(&run).unwrap().replace(".0", ""), changes);
        }
    }

    #[test]
    fn weights_that_are_not_known_are_those_of_the_first_who_goes_on() {
        let then = record("a1", NOT_MEASURED, "population = 8\n");
        let (_folder, run) = begun(&then, Some(["a1", NOT_MEASURED, "population = 8\n"]));
        std::fs::remove_file(run.trials().with_file_name(FILES_OF_0_1[0])).unwrap();
        assert_eq!(record("b2", NOT_MEASURED, "population = 9\n").tie(&run).unwrap(), "population = 8 (now 9)");
        let error = then.tie(&run).unwrap_err().to_string();
        assert!(error.contains("these trials were measured with other weights"), "{error}");
    }

    #[test]
    fn a_record_that_is_none_is_named() {
        let then = record("a1", NOT_MEASURED, "");
        let (_folder, run) = begun(&then, None);
        let path = run.trials().with_file_name(FILE);
        let flipped = std::fs::read_to_string(&path).unwrap().replace("a1", "a3");
        for (text, message) in [
            ("{}", "record.json: not the record of a search: "),
            (flipped.as_str(), "record.json: damaged, or changed after it was written: "),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = then.tie(&run).unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("--fresh"), "{error}");
        }
    }
}
