//! The run directory: one folder that holds everything of one run, under one lock.
//!
//! `config.toml` (resolved settings) · `manifest.json` · `supernet/`, `adapted/`, `models/NAME/`: checkpoints and `metrics.jsonl` ·
//! `rank/`: architectures trained alone by `automoe rank`, `evaluations.jsonl`, `ranking.json` · `search/trials.jsonl`,
//! `search/record.json` (what the trials were begun with), `search/parts.jsonl` (of a race), `search/finalists.jsonl`,
//! `search/spent.json`, `search/winner.json` · `results.json` ·
//! `hypotheses/NAME.txt`: how each model has translated the test set · `subruns/`: run directories of what `automoe run` does beside ·
//! `run.json`: what `automoe run` was asked for · `seeds.json`: what several seeds have found · `report.html`. Event files for TensorBoard lie beside metrics and trials.
//! The manifest says which settings and which data all of it was made with; a run goes on only with the same ones.

use super::atomic::{self, put_aside_from};
use super::lock::{LockError, is_held, lock};
use super::manifest::Manifest;
use super::settings::Settings;
use crate::error::{Error, Result};
use folders::{create_folder, entries_of, holds_something};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

mod beside;
mod fingerprints;
mod folders;
mod kept;

/// The log of a training, in the folder of its checkpoints.
pub const METRICS: &str = "metrics.jsonl";

/// The scores of everything that was translated, in a run directory.
pub const RESULTS: &str = "results.json";

/// What `automoe run` was asked for, in a run directory: the [`Request`](super::Request).
pub const REQUEST: &str = "run.json";

/// What several seeds have found, in a run directory.
pub const SEEDS: &str = "seeds.json";

/// The resolved settings, in a run directory.
pub const CONFIG: &str = "config.toml";

const MANIFEST: &str = "manifest.json";

/// The file that is locked.
const LOCK: &str = ".lock";

/// A run directory. One that was opened for writing is locked until this value is dropped.
#[derive(Debug)]
pub struct RunDirectory {
    root: PathBuf,
    /// The locked file; none when read-only.
    lock: Option<File>,
    /// There was no run here before.
    begun: bool,
    /// The settings that it was opened with, where others may be in its `config.toml`.
    opened_with: Option<String>,
}

impl RunDirectory {
    /// Opens the run at `path` for writing, or begins one: takes the lock, checks that `settings` (the resolved settings as
    /// TOML) are those it was begun with, as far as they may not change, and removes what killed processes left unfinished. What is
    /// other in them comes into `config.toml` by [`Self::keep_settings`]. With `fresh`, what an earlier
    /// run has left in it is removed instead and the run begins anew. `created_by` is the subcommand.
    ///
    /// # Errors
    /// [`Error::Input`] when another process is using it, its settings are others, its files are not a run's, or it is none;
    /// [`Error::Failure`] when something cannot be written.
    pub fn open(path: &Path, settings: &str, created_by: &str, fresh: bool) -> Result<Self> {
        let parsed = Settings::parse(settings)?;
        create_folder(path)?;
        let mut run =
            Self { root: path.to_path_buf(), lock: Some(lock_folder(path)?), begun: false, opened_with: None };
        let mut manifest = Manifest::read(&run.manifest())?;
        if manifest.is_none() {
            // No lock is left where there is no run.
            run.check_free().inspect_err(|_| drop(fs::remove_file(path.join(LOCK))))?;
        }
        if fresh && manifest.take().is_some() {
            run.clear()?;
        }
        run.begun = manifest.is_none();
        match manifest {
            Some(manifest) => {
                run.check_settings(&parsed, &manifest)?;
                run.opened_with = Some(settings.to_owned());
            }
            None => {
                let manifest = Manifest {
                    version: env!("CARGO_PKG_VERSION").into(),
                    created_by: created_by.into(),
                    settings: parsed.fingerprint(),
                    settings_before: None,
                    data: None,
                    data_without_test: None,
                    subwords: None,
                };
                manifest.write(&run.manifest())?;
            }
        }
        // Also where a process was killed between the two.
        if run.begun || !run.config().exists() {
            atomic::write(&run.config(), settings.as_bytes())?;
        }
        for folder in run.folders() {
            create_folder(&folder)?;
        }
        run.remove_leftovers()?;
        Ok(run)
    }

    /// The run at `path`, to read what another command has made; it may be in use.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no run.
    pub fn read_only(path: &Path) -> Result<Self> {
        let run = Self { root: path.to_path_buf(), lock: None, begun: false, opened_with: None };
        match Manifest::read(&run.manifest())? {
            Some(_) => Ok(run),
            None => {
                Err(Error::input("no run here: there is no manifest.json; give the folder of a run").at(path.display()))
            }
        }
    }

    /// What it was made with.
    ///
    /// # Errors
    /// [`Error::Input`] when the manifest is damaged; [`Error::Failure`] when it is gone.
    pub fn made_with(&self) -> Result<Manifest> {
        Manifest::read(&self.manifest())?.ok_or_else(|| Error::failure("it is gone").at(self.manifest().display()))
    }

    /// Whether a process is at work in it; none where that cannot be told, as on another machine.
    pub fn is_in_use(&self) -> Option<bool> {
        is_held(&self.root.join(LOCK))
    }

    /// Refuses `settings` that the run at `path` cannot go on with; there may be none.
    ///
    /// # Errors
    /// [`Error::Input`] when the run was begun with others, or is damaged.
    pub fn check(path: &Path, settings: &str) -> Result<()> {
        let run = Self { root: path.to_path_buf(), lock: None, begun: false, opened_with: None };
        match Manifest::read(&run.manifest())? {
            Some(manifest) => run.check_settings(&Settings::parse(settings)?, &manifest),
            None => Ok(()),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved settings.
    pub fn config(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    /// The [`Manifest`].
    pub fn manifest(&self) -> PathBuf {
        self.root.join(MANIFEST)
    }

    /// The folder of the SuperNet's checkpoints and metrics.
    pub fn supernet(&self) -> PathBuf {
        self.root.join("supernet")
    }

    /// The folder of the checkpoints and metrics of the SuperNet with what it was adapted by.
    pub fn adapted(&self) -> PathBuf {
        self.root.join("adapted")
    }

    /// The folder of the checkpoints and metrics of the model `name`, which is a plain folder name.
    ///
    /// # Errors
    /// [`Error::Input`] when the name would lead elsewhere.
    pub fn model(&self, name: &str) -> Result<PathBuf> {
        check_folder_name(name)?;
        Ok(self.models().join(name))
    }

    /// The architectures that are trained alone to see how well a SuperNet orders them, a folder each.
    pub fn rank(&self) -> PathBuf {
        self.root.join("rank")
    }

    /// How architectures do that were trained alone, and with the weights of SuperNets.
    pub fn evaluations(&self) -> PathBuf {
        self.rank().join("evaluations.jsonl")
    }

    /// What grows as `automoe rank` goes.
    ///
    /// # Errors
    /// [`Error::Failure`] when a folder cannot be listed.
    pub fn ranking_logs(&self) -> Result<Vec<PathBuf>> {
        let trainings = entries_of(&self.rank())?.into_iter().map(|(_, folder)| folder.join(METRICS));
        Ok(trainings.chain([self.evaluations()]).filter(|log| log.is_file()).collect())
    }

    /// What the last comparison of their order has found.
    pub fn ranking(&self) -> PathBuf {
        self.rank().join("ranking.json")
    }

    /// The trials of the search.
    pub fn trials(&self) -> PathBuf {
        self.search().join("trials.jsonl")
    }

    /// The best trials measured at length, where the search measures latency.
    pub fn finalists(&self) -> PathBuf {
        self.search().join("finalists.jsonl")
    }

    /// What the search has taken.
    pub fn search_spent(&self) -> PathBuf {
        self.search().join("spent.json")
    }

    /// The architecture that the search found.
    pub fn winner(&self) -> PathBuf {
        self.search().join("winner.json")
    }

    /// How the model `name` has translated the test set.
    pub fn hypotheses(&self, name: &str) -> PathBuf {
        self.translated().join(format!("{name}.txt"))
    }

    /// The scores of everything that was translated.
    pub fn results(&self) -> PathBuf {
        self.root.join(RESULTS)
    }

    /// What `automoe run` was asked for: the [`Request`](super::Request).
    pub fn request(&self) -> PathBuf {
        self.root.join(REQUEST)
    }

    /// What several seeds have found.
    pub fn seeds(&self) -> PathBuf {
        self.root.join(SEEDS)
    }

    /// The page of what was found.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The logs of its trainings by name: the SuperNet's, that of what was adapted, then those of models in order of name.
    ///
    /// # Errors
    /// [`Error::Failure`] when a folder cannot be listed.
    pub fn trainings(&self) -> Result<Vec<(String, PathBuf)>> {
        let own = [("supernet".to_owned(), self.supernet()), ("adapted".to_owned(), self.adapted())];
        let all = own.into_iter().chain(entries_of(&self.models())?);
        let logs = all.map(|(name, folder)| (name, folder.join(METRICS)));
        Ok(logs.filter(|(_, log)| log.is_file()).collect())
    }

    /// Refuses a folder, not a run's, with files where a run has its own: they would be lost.
    fn check_free(&self) -> Result<()> {
        if self.config().exists() {
            return Err(Error::input("this config.toml is no run's, and would be lost; give another run_dir")
                .at(self.config().display()));
        }
        match self.folders().iter().find(|folder| holds_something(folder)) {
            None => Ok(()),
            Some(foreign) => {
                Err(Error::input("this folder is no run's, and --fresh would remove it; give another run_dir")
                    .at(foreign.display()))
            }
        }
    }

    fn refusal(&self, why: &str) -> Error {
        Error::input(format!("{why}; give another run_dir, or --fresh to discard what is there"))
            .at(format!("run directory {}", self.root.display()))
    }

    /// Removes what a run makes, and nothing else. Its manifest stays until it is replaced: a run that is half removed is
    /// still one.
    fn clear(&self) -> Result<()> {
        for path in self.folders().into_iter().chain([self.results(), self.request(), self.seeds(), self.report()]) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::failure(format!("cannot remove {}: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a run that this value began and in which nothing was made: an input that was refused leaves nothing behind
    /// which the corrected command would stumble over. What cannot be removed stays.
    pub fn remove_if_unused(&self) {
        if !self.begun || self.folders().iter().any(|folder| holds_something(folder)) || self.clear().is_err() {
            return;
        }
        let subwords = ["subwords-source.json", "subwords-target.json"].map(|name| self.root.join(name));
        for file in [self.config(), self.manifest(), self.root.join(LOCK)].iter().chain(&subwords) {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_dir(&self.root); // Not where it holds more than the run.
    }

    /// Removes unfinished files where a run writes, and nowhere else: the folder may hold more than the run.
    fn remove_leftovers(&self) -> Result<()> {
        for folder in [self.root().to_path_buf()].into_iter().chain(self.folders()) {
            atomic::remove_leftovers(&folder)?;
        }
        for folder in [self.models(), self.rank()] {
            let failure = |error| Error::failure(error).at(folder.display());
            for entry in fs::read_dir(&folder).map_err(failure)? {
                let path = entry.map_err(failure)?.path();
                if path.is_dir() {
                    atomic::remove_leftovers(&path)?;
                }
            }
        }
        Ok(())
    }

    /// The folders of what a run makes.
    fn folders(&self) -> [PathBuf; 7] {
        [self.supernet(), self.adapted(), self.models(), self.search(), self.rank(), self.translated(), self.subruns()]
    }

    fn translated(&self) -> PathBuf {
        self.root.join("hypotheses")
    }

    fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The folder of what the search makes.
    pub fn search(&self) -> PathBuf {
        self.root.join("search")
    }
}

/// What a run is called: the last part of its folder's path.
///
/// # Errors
/// [`Error::Input`] when there is no such folder.
pub fn run_name(folder: &Path) -> Result<String> {
    let whole = folder.canonicalize().map_err(|error| Error::input(error).at(folder.display()))?;
    Ok(whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned())
}

/// Refuses what no new model may be called.
///
/// # Errors
/// [`Error::Input`] when the name is not a plain folder name, or one that models are put aside under.
pub fn check_model_name(name: &str) -> Result<()> {
    check_folder_name(name)?;
    match put_aside_from(name) {
        Some(_) => Err(Error::input(format!(
            "`{name}` cannot be the name of a model: so are those called that were put aside; give one that does not end in a \
             point and a number"
        ))),
        None => Ok(()),
    }
}

fn check_folder_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::input(format!(
            "`{}` cannot be the name of a model: expected letters, digits, `-`, `_` and `.`",
            name.escape_debug()
        )));
    }
    Ok(())
}

/// Locks the folder for this process.
fn lock_folder(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    lock(&path).map_err(|why| match why {
        LockError::Held(holder) => Error::input(format!(
            "run directory {} is in use by {holder}; wait for it, or give another run_dir",
            folder.display()
        )),
        LockError::Fault(error) => Error::failure(format!("cannot lock {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests;
