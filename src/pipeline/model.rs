//! What a run trains, one model after another, and tests at the end.

use super::ladder::Rung;
use super::training::train_architecture;
use super::workspace::Workspace;
use crate::config::CompareKind;
use crate::error::Result;
use crate::model::TransformerConfig;
use crate::run::atomic::put_aside;
use crate::space::Architecture;
use crate::train::is_trained_as;
use std::path::{Path, PathBuf};

/// A model of a run that is tested.
pub(super) struct Model {
    /// `supernet`, `winner`, …; the same for all that one search has found under several limits.
    pub group: String,
    /// The limit of the ladder that it was found under; none where that was the search's own.
    pub rung: Option<Rung>,
    /// What it is of `[[compare]]`; the baseline is a dense one.
    pub kind: Option<CompareKind>,
    /// Its shape.
    pub architecture: Architecture,
    /// Its checkpoints.
    pub folder: PathBuf,
}

impl Model {
    /// Its row's name.
    pub fn name(&self) -> String {
        name_of(&self.group, self.rung)
    }
}

/// The name of what was found by the search `group`, under a limit of a ladder where there is one.
pub(super) fn name_of(group: &str, rung: Option<Rung>) -> String {
    rung.map_or_else(|| group.to_owned(), |rung| format!("{group}@{rung}"))
}

/// Trains one of `shape` in the run directory of `workspace` as the model `name`, where that is not done; a model of another
/// shape gives way. Returns the folder.
///
/// # Errors
/// See [`train_architecture`].
pub(super) fn trained(workspace: &Workspace, name: &str, shape: &TransformerConfig) -> Result<PathBuf> {
    let folder = workspace.run.model(name)?;
    set_aside_other(&folder, shape)?;
    train_architecture(workspace, name, shape, None)?;
    Ok(folder)
}

/// Gives the model in `folder` another name, NAME.1 or the next that is free, where it has another shape: that of an
/// earlier search, or one of the user's.
fn set_aside_other(folder: &Path, shape: &TransformerConfig) -> Result<()> {
    if is_trained_as(folder, shape) == Some(false) {
        let aside = put_aside(folder)?;
        tracing::info!("{}: a model of another shape, now {}", folder.display(), aside.display());
    }
    Ok(())
}
