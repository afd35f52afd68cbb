//! `trials.jsonl`: every trial of a search, one JSON object a line, with a checksum. It is the only state that a search has.

use super::trial::{Trial, TrialState};
use crate::error::{Error, Result};
use crate::run::jsonl::{JsonLines, Sync};
use crate::space::Space;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The trials of a search, in memory and on disk. Nobody else may write the file meanwhile.
#[derive(Debug)]
pub struct TrialLog {
    path: PathBuf,
    lines: JsonLines,
    trials: Vec<Trial>,
    by_id: HashMap<u64, usize>,
}

impl TrialLog {
    /// Opens the log at `path`, a new one if there is none. A torn last line, left behind by a crash, is cut off.
    ///
    /// # Errors
    /// [`Error::Input`], with file and line, for a line that is not a trial, a trial that is there twice, or one whose
    /// architecture is not in `space`; [`Error::Failure`] when the file cannot be read or written.
    pub fn open(path: &Path, space: &Space) -> Result<Self> {
        let trials = if path.exists() { Self::read(path)? } else { Vec::new() };
        let mut by_id = HashMap::new();
        for (index, trial) in trials.iter().enumerate() {
            if space.contains(&trial.architecture).is_err() {
                return Err(Error::input(
                    "the architecture is not in this search space: the log is another search's; \
                     give another run directory, or remove its trials (the SuperNet stays) with automoe search --fresh",
                )
                .at(place(path, index)));
            }
            if by_id.insert(trial.id, index).is_some() {
                return Err(Error::input(format!("trial {} is there twice", trial.id)).at(place(path, index)));
            }
        }
        let lines = JsonLines::open(path, Sync::Never)?;
        Ok(Self { path: path.to_path_buf(), lines, trials, by_id })
    }

    /// The trials in the file at `path`, whatever their space, without a torn last line. The file stays as it is.
    ///
    /// # Errors
    /// [`Error::Input`] with file and line for a line that is not a trial, or when there is no such file.
    pub fn read(path: &Path) -> Result<Vec<Trial>> {
        if !path.exists() {
            return Err(Error::input("no trials here; run the search first").at(path.display()));
        }
        let trials: Vec<Trial> = JsonLines::read(path)?;
        let without_loss = |trial: &Trial| trial.state == TrialState::Complete && trial.loss.is_none();
        match trials.iter().position(without_loss) {
            Some(index) => Err(Error::input("not a trial: complete, but without a loss").at(place(path, index))),
            None => Ok(trials),
        }
    }

    /// All trials, in the order of the file.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The trial with this id.
    pub fn get(&self, id: u64) -> Option<&Trial> {
        self.by_id.get(&id).map(|&index| &self.trials[index])
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `trial` as one whole line.
    ///
    /// # Errors
    /// [`Error::Failure`] when the file cannot be written.
    pub fn append(&mut self, trial: &Trial) -> Result<()> {
        self.lines.append_sealed(trial)?;
        self.by_id.insert(trial.id, self.trials.len());
        self.trials.push(trial.clone());
        Ok(())
    }
}

/// Where the line of the trial at `index` is.
fn place(path: &Path, index: usize) -> String {
    format!("{}:{}", path.display(), index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::sealed;
    use crate::search::testing::{space, tiny_space, trial};
    use std::fs;

    /// As version 0.1.0 wrote them.
    fn lines(ids: std::ops::Range<u64>) -> String {
        ids.map(|id| serde_json::to_string(&trial(id, Some(1.0))).unwrap() + "\n").collect()
    }

    /// The error of opening a log with this text.
    fn error_of(text: &str, space: &Space) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trials.jsonl");
        fs::write(&path, text).unwrap();
        let error = TrialLog::open(&path, space).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        error.to_string().replace(&path.display().to_string(), "trials.jsonl")
    }

    #[test]
    fn what_is_appended_is_read_again_to_the_last_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trials.jsonl");
        let mut log = TrialLog::open(&path, &space()).unwrap();
        for (loss, id) in [1.0 / 3.0, 4.1 + 1e-15, 1e-300, 2.0 / 7.0].into_iter().zip(0..) {
            let mut trial = trial(id, Some(loss));
            trial.costs.insert("latency_ms".into(), loss / 3.0);
            log.append(&trial).unwrap();
        }
        let again = TrialLog::open(&path, &space()).unwrap();
        assert_eq!(again.trials(), log.trials());
        assert_eq!(again.get(2), Some(&log.trials()[2]));
        assert_eq!(again.get(4), None);
        assert_eq!(TrialLog::read(&path).unwrap(), log.trials());
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trials.jsonl");
        let all = lines(0..3);
        fs::write(&path, &all[..all.len() - 9]).unwrap();
        let mut log = TrialLog::open(&path, &space()).unwrap();
        assert_eq!(log.trials().len(), 2);
        log.append(&trial(2, Some(1.0))).unwrap();
        let sealed = sealed(&trial(2, Some(1.0))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}{sealed}\n", lines(0..2)));
    }

    #[test]
    fn a_bad_line_is_named() {
        let space = space();
        let bad = lines(0..2) + "{}\n" + &lines(2..3);
        let error = error_of(&bad, &space);
        assert!(error.starts_with("trials.jsonl:3: not a line of this log: missing field"), "{error}");
        let without_loss = lines(0..1).replace(":1.0,\"tokens", ":null,\"tokens");
        let error = error_of(&without_loss, &space);
        assert!(error.starts_with("trials.jsonl:1: "), "{error}");
        let twice = lines(0..3) + &lines(1..2);
        assert_eq!(error_of(&twice, &space), "trials.jsonl:4: trial 1 is there twice");
    }

    #[test]
    fn a_log_of_another_space_is_refused() {
        let mut odd = trial(1, Some(1.0));
        let other = tiny_space().largest();
        assert!(space().contains(&other).is_err());
        odd.architecture = other;
        let text = lines(0..1) + &serde_json::to_string(&odd).unwrap() + "\n";
        let error = error_of(&text, &space());
        assert!(error.starts_with("trials.jsonl:2: the architecture is not in this"), "{error}");
    }

    #[test]
    fn reading_says_where_there_is_no_log() {
        let error = TrialLog::read(Path::new("no/such/trials.jsonl")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("no/such/trials.jsonl: "));
    }
}
