//! `trials.jsonl`: every trial of a search, one JSON object a line. It is the only state that a search has.

use super::trial::{Trial, TrialState};
use crate::error::{Error, Result};
use crate::space::Space;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The longest line that is read.
const MAX_LINE: u64 = 1 << 20;

/// The trials of a search, in memory and on disk. Nobody else may write the file meanwhile.
#[derive(Debug)]
pub struct TrialLog {
    path: PathBuf,
    file: File,
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
        let failure = |error| Error::failure(error).at(path.display());
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failure)?;
        let (trials, whole) = read_lines(path, &file)?;
        file.set_len(whole).map_err(failure)?;
        let mut by_id = HashMap::new();
        for (index, trial) in trials.iter().enumerate() {
            let place = || format!("{}:{}", path.display(), index + 1);
            if space.contains(&trial.architecture).is_err() {
                return Err(Error::input(
                    "the architecture is not in this search space: the log is another search's; \
                     give another run directory, or remove its trials (the SuperNet stays) with automoe search --fresh",
                )
                .at(place()));
            }
            if by_id.insert(trial.id, index).is_some() {
                return Err(Error::input(format!("trial {} is there twice", trial.id)).at(place()));
            }
        }
        Ok(Self { path: path.to_path_buf(), file, trials, by_id })
    }

    /// The trials in the file at `path`, whatever their space, without a torn last line. The file stays as it is.
    ///
    /// # Errors
    /// [`Error::Input`] with file and line for a line that is not a trial, or when there is no such file.
    pub fn read(path: &Path) -> Result<Vec<Trial>> {
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::input("no trials here; run the search first"),
            _ => Error::failure(error),
        });
        let file = file.map_err(|error| error.at(path.display()))?;
        Ok(read_lines(path, &file)?.0)
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

    /// Writes `trial` as one whole line and returns it as a reader of that line gets it: a resumed search works with
    /// the very same figures.
    ///
    /// # Errors
    /// [`Error::Failure`] when the file cannot be written.
    pub fn append(&mut self, trial: &Trial) -> Result<Trial> {
        let place = |error: Error| error.at(self.path.display());
        let failure = |error: serde_json::Error| place(Error::failure(error));
        let mut line = serde_json::to_vec(trial).map_err(failure)?;
        let read_back: Trial = serde_json::from_slice(&line).map_err(failure)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| place(Error::failure(error)))?;
        self.by_id.insert(trial.id, self.trials.len());
        self.trials.push(read_back.clone());
        Ok(read_back)
    }
}

/// The trials of `file`, and the bytes that its whole lines take up.
fn read_lines(path: &Path, file: &File) -> Result<(Vec<Trial>, u64)> {
    let mut reader = BufReader::new(file);
    let (mut trials, mut whole) = (Vec::new(), 0);
    let mut line = Vec::new();
    loop {
        let place = || format!("{}:{}", path.display(), trials.len() + 1);
        line.clear();
        let read = (&mut reader)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::failure(error).at(place()))?;
        if line.last() != Some(&b'\n') {
            if read as u64 == MAX_LINE {
                return Err(Error::input("the line is too long for a trial").at(place()));
            }
            return Ok((trials, whole));
        }
        let trial: Trial =
            serde_json::from_slice(&line).map_err(|error| Error::input(format!("not a trial: {error}")).at(place()))?;
        if trial.state == TrialState::Complete && trial.loss.is_none() {
            return Err(Error::input("not a trial: complete, but without a loss").at(place()));
        }
        whole += read as u64;
        trials.push(trial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::{space, tiny_space, trial};
    use std::fs;

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
        let appended: Vec<Trial> = [1.0 / 3.0, 4.1 + 1e-15, 1e-300, 2.0 / 7.0]
            .iter()
            .zip(0..)
            .map(|(&loss, id)| log.append(&trial(id, Some(loss))).unwrap())
            .collect();
        assert_eq!(log.trials(), appended);
        let again = TrialLog::open(&path, &space()).unwrap();
        assert_eq!(again.trials(), appended);
        assert_eq!(again.get(2), Some(&appended[2]));
        assert_eq!(again.get(4), None);
        assert_eq!(TrialLog::read(&path).unwrap(), appended);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_wherever_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trials.jsonl");
        let whole = lines(0..2);
        let all = lines(0..3);
        for end in (whole.len()..all.len()).step_by(7) {
            fs::write(&path, &all[..end]).unwrap();
            assert_eq!(TrialLog::read(&path).unwrap().len(), 2);
            assert_eq!(fs::read_to_string(&path).unwrap(), all[..end]);
            let mut log = TrialLog::open(&path, &space()).unwrap();
            log.append(&trial(2, Some(1.0))).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), all);
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let space = space();
        let bad = lines(0..2) + "{}\n" + &lines(2..3);
        let error = error_of(&bad, &space);
        assert!(error.starts_with("trials.jsonl:3: not a trial: missing field"), "{error}");
        let without_loss = lines(0..1).replace(":1.0,\"tokens", ":null,\"tokens");
        let error = error_of(&without_loss, &space);
        assert!(error.starts_with("trials.jsonl:1: "), "{error}");
        let twice = lines(0..3) + &lines(1..2);
        assert_eq!(error_of(&twice, &space), "trials.jsonl:4: trial 1 is there twice");
        let long = lines(0..1) + &"x".repeat(MAX_LINE as usize + 1) + "\n";
        let error = error_of(&long, &space);
        assert!(error.starts_with("trials.jsonl:2: the line is too long"), "{error}");
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
