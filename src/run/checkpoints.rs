//! The checkpoints of one training: `last`, `best` and `step-N` in one folder.

use super::checkpoint::{TensorView, save};
use crate::error::{Error, Result, listed};
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Checkpoints are safetensors files.
const EXTENSION: &str = "safetensors";
/// The checkpoint that a resumed training goes on from.
pub const LAST: &str = "last";
/// The checkpoint with the lowest validation loss.
pub const BEST: &str = "best";

/// A folder of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// The checkpoints in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the checkpoint `name` ([`LAST`], [`BEST`]) is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }

    /// [`BEST`], or [`LAST`] where there is no such.
    pub fn chosen(&self) -> Option<PathBuf> {
        [BEST, LAST].map(|name| self.path(name)).into_iter().find(|path| path.is_file())
    }

    /// Saves a checkpoint as `name`; see [`save`].
    ///
    /// # Errors
    /// See [`save`].
    pub fn save<'a>(
        &self,
        name: &str,
        tensors: impl IntoIterator<Item = TensorView<'a>>,
        state: &Value,
    ) -> Result<PathBuf> {
        save(&self.folder, name, tensors, state)
    }

    /// Saves a checkpoint as `step-<update>`, and removes all but the `keep` newest of those.
    ///
    /// # Errors
    /// See [`save`]; [`Error::Failure`] when an old one cannot be removed.
    pub fn save_step<'a>(
        &self,
        update: u64,
        keep: usize,
        tensors: impl IntoIterator<Item = TensorView<'a>>,
        state: &Value,
    ) -> Result<()> {
        self.save(&step_name(update), tensors, state)?;
        self.remove_steps(self.steps()?.into_iter().skip(keep))
    }

    /// Removes the `step-N` checkpoints of updates after `update`.
    ///
    /// # Errors
    /// [`Error::Failure`] when one cannot be removed.
    pub fn remove_steps_after(&self, update: u64) -> Result<()> {
        self.remove_steps(self.steps()?.into_iter().filter(|(later, _)| *later > update))
    }

    fn remove_steps(&self, mut steps: impl Iterator<Item = (u64, PathBuf)>) -> Result<()> {
        steps.try_for_each(|(update, path)| {
            // The copy first: a checkpoint without it is still one that the next call finds.
            remove(&self.folder.join(format!("{}.json", step_name(update))))?;
            remove(&path)
        })
    }

    /// The `step-N` checkpoints, newest (largest N) first: N and path.
    ///
    /// # Errors
    /// [`Error::Failure`] when the folder cannot be listed; one that does not exist has none.
    pub fn steps(&self) -> Result<Vec<(u64, PathBuf)>> {
        let failure = |error| Error::failure(error).at(self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failure)?,
        };
        let mut steps = Vec::new();
        for entry in entries {
            let path = entry.map_err(failure)?.path();
            steps.extend(update_of(&path).map(|update| (update, path)));
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        Ok(steps)
    }
}

/// The checkpoint that `path` means: a `.safetensors` file itself; in a folder the [`Checkpoints::chosen`] one.
///
/// # Errors
/// [`Error::Input`] when there is none.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        let inside = Checkpoints::new(path);
        let chosen = inside.chosen().ok_or_else(|| {
            let advice = match below(path).as_slice() {
                [] => "train first, or give another folder".to_owned(),
                folders => format!("there are some in its {}: give one of these", listed(folders, ", ")),
            };
            let message = format!("no checkpoint here: neither best.safetensors nor last.safetensors; {advice}");
            Error::input(message).at(path.display())
        })?;
        if chosen != inside.path(BEST) {
            tracing::warn!("{}: there is no best.safetensors; last.safetensors is taken", path.display());
        }
        return Ok(chosen);
    }
    if !path.exists() {
        let message = "there is nothing here; train first, or give another checkpoint";
        return Err(Error::input(message).at(path.display()));
    }
    if path.extension().is_none_or(|extension| extension != EXTENSION) {
        return Err(Error::input("expected a .safetensors file, or a folder that has a checkpoint").at(path.display()));
    }
    if !path.is_file() {
        return Err(Error::input("no such checkpoint").at(path.display()));
    }
    Ok(path.to_path_buf())
}

/// The folders in the run directory `run` that have a checkpoint, in order of name.
fn below(run: &Path) -> Vec<String> {
    let folders = [run.to_path_buf(), run.join("models")].into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    let paths = folders.flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let with_checkpoint = paths.filter(|path| Checkpoints::new(path).chosen().is_some());
    let mut names: Vec<String> =
        with_checkpoint.filter_map(|path| Some(path.strip_prefix(run).ok()?.display().to_string())).collect();
    names.sort();
    names
}

fn step_name(update: u64) -> String {
    format!("step-{update}")
}

/// N, where `path` is a `step-N` checkpoint that [`Checkpoints`] wrote.
fn update_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let update = name.strip_prefix("step-")?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let update = update.parse().ok()?;
    // `step-007` or `step-+7` is somebody else's.
    (name == format!("{}.{EXTENSION}", step_name(update))).then_some(update)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::failure(format!("cannot remove {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Checkpoint;
    use serde_json::json;

    fn updates(checkpoints: &Checkpoints) -> Vec<u64> {
        let steps = checkpoints.steps().unwrap();
        steps.iter().map(|(update, _)| *update).collect()
    }

    #[test]
    fn the_newest_steps_are_kept_and_nothing_else_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path().join("supernet"));
        assert!(updates(&checkpoints).is_empty());
        checkpoints.save(LAST, [], &json!({})).unwrap();
        let others = ["step-007.safetensors", "step-x.safetensors", "step-1.json"];
        for name in others {
            fs::write(folder.path().join("supernet").join(name), "").unwrap();
        }
        for update in [9, 10, 100, 20] {
            checkpoints.save_step(update, 9, [], &json!({"update": update})).unwrap();
        }
        assert_eq!(updates(&checkpoints), [100, 20, 10, 9]);
        checkpoints.save_step(101, 3, [], &json!({"update": 101})).unwrap();
        assert_eq!(updates(&checkpoints), [101, 100, 20]);
        let (_, path) = &checkpoints.steps().unwrap()[1];
        assert_eq!(Checkpoint::load(path).unwrap().state["update"], 100);
        let mut names: Vec<_> = fs::read_dir(folder.path().join("supernet"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort();
        let left = ["last", "step-1", "step-100", "step-101", "step-20"];
        assert_eq!(names, left.map(|name| format!("{name}.json")));
    }

    #[test]
    fn a_folder_means_its_best_checkpoint_or_else_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path());
        let error = resolve(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("; train first, or give another folder"), "{error}");
        for model in ["supernet", "models/winner", "models/a"] {
            Checkpoints::new(folder.path().join(model)).save(LAST, [], &json!({})).unwrap();
        }
        fs::create_dir(folder.path().join("models/empty")).unwrap();
        let told = resolve(folder.path()).unwrap_err().to_string();
        assert!(told.ends_with("in its models/a, models/winner, supernet: give one of these"), "{told}");
        let last = checkpoints.save(LAST, [], &json!({})).unwrap();
        assert_eq!(resolve(folder.path()).unwrap(), last);
        let best = checkpoints.save(BEST, [], &json!({})).unwrap();
        assert_eq!(resolve(folder.path()).unwrap(), best);
        assert_eq!(resolve(&last).unwrap(), last);
        for name in ["best.json", "absent.safetensors", "absent"] {
            let path = folder.path().join(name);
            let error = resolve(&path).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().starts_with(&path.display().to_string()));
        }
    }
}
