//! What an earlier call of `automoe run` has measured, as far as it still holds: rows belong to the weights they were measured on.

use super::weights_hash::hash_tested;
use super::workspace::Workspace;
use crate::error::Result;
use crate::report::{Results, TestedModel};

/// The rows that still hold.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    rows: Vec<TestedModel>,
    /// The results that they are of, where all of them hold.
    whole: Option<Results>,
}

impl Earlier {
    /// Those in the workspace's run directory that are of the same `settings` and data. Tells of which model the weights are gone or
    /// others now. Rows that do not say their weights, of version 0.1.0, are taken for those of the weights that are there,
    /// which is told and noted down.
    ///
    /// # Errors
    /// Results that are damaged, or something else; checkpoints that cannot be read.
    pub fn read(workspace: &Workspace, settings: &str) -> Result<Self> {
        let path = workspace.run.results();
        let results = path.exists().then(|| Results::read(&path)).transpose()?;
        let whole = &workspace.prepared.fingerprints.whole;
        // Version 0.1.0 had no other data than those that the run was begun with.
        let is_same = |results: &Results| {
            results.settings == settings && results.data.as_ref().unwrap_or(&workspace.data) == whole
        };
        let Some(mut results) = results.filter(is_same) else {
            return Ok(Self::default());
        };
        let (mut stale, mut unknown) = (Vec::new(), false);
        let mut rows = Vec::new();
        for row in &mut results.rows {
            let checkpoint = row.checkpoint.as_ref().unwrap_or(&row.name);
            let folder = workspace.run.root().join(checkpoint);
            let now = hash_tested(&folder, workspace.config.translate.average_checkpoints)?;
            match (&row.weights, now) {
                (_, None) => stale.push(format!("{checkpoint} is gone, and is trained and measured again")),
                (Some(then), Some(now)) if *then != now => {
                    stale.push(format!("{checkpoint} has other weights than were measured, and is measured again"));
                }
                (then, now) => {
                    unknown |= then.is_none();
                    row.weights = now;
                    rows.push(row.clone());
                }
            }
        }
        if unknown {
            tracing::info!("{}: it does not say of which weights its rows are; taken for those here", path.display());
        }
        if !stale.is_empty() {
            tracing::warn!("{}: {}", path.display(), stale.join("; "));
            return Ok(Self { rows, whole: None });
        }
        if unknown {
            results.data = Some(whole.clone());
            results.write(&path)?;
        }
        Ok(Self { rows, whole: Some(results) })
    }

    /// The results, where there is nothing left to do for them, and they are what `is_wanted`.
    pub fn whole(&mut self, is_wanted: impl FnOnce(&Results) -> bool) -> Option<Results> {
        self.whole.take_if(|results| is_wanted(results))
    }

    /// All of them.
    pub fn rows(&self) -> impl Iterator<Item = &TestedModel> {
        self.rows.iter()
    }

    /// The row of the model `name` with these weights.
    pub fn row(&self, name: &str, weights: Option<&String>) -> Option<&TestedModel> {
        self.rows.iter().find(|row| row.name == name && row.weights.as_ref() == weights)
    }
}
