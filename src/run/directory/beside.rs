//! The run directories of what belongs to a run: other searches, other seeds.

use super::folders::entries_of;
use super::{MANIFEST, RunDirectory};
use crate::error::Result;
use std::path::PathBuf;

impl RunDirectory {
    /// The folder of the run directories of what belongs to this run: other searches, other seeds.
    pub(super) fn subruns(&self) -> PathBuf {
        self.root.join("subruns")
    }

    /// The run directory of the search `group` that belongs to this run, under a limit such as `gflops=0.02` where there is one.
    pub fn search_beside(&self, group: &str, limit: Option<&str>) -> PathBuf {
        match limit {
            None => self.subruns().join("compare").join(group),
            Some(limit) => self.subruns().join("limits").join(limit).join(group),
        }
    }

    /// The searches that belong to this run and were begun: the name of what each finds, `group` or `group@limit`, and its run
    /// directory, in order of name.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when a folder cannot be listed.
    pub fn searches_beside(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut found = entries_of(&self.subruns().join("compare"))?;
        for (limit, folder) in entries_of(&self.subruns().join("limits"))? {
            found.extend(entries_of(&folder)?.into_iter().map(|(group, run)| (format!("{group}@{limit}"), run)));
        }
        found.retain(|(_, run)| run.join(MANIFEST).exists());
        found.sort();
        Ok(found)
    }

    /// The run directory of all phases with another seed.
    pub fn seed_beside(&self, seed: u64) -> PathBuf {
        self.subruns().join("seeds").join(seed.to_string())
    }

    /// The run at one of the paths of [`Self::all_beside`], to read.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) when it is gone.
    pub fn run_beside(&self, path: &str) -> Result<Self> {
        Self::read_only(&self.subruns().join(path))
    }

    /// What lies in `subruns/` and was begun, by the paths from there: searches, then seeds.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when a folder cannot be listed.
    pub fn all_beside(&self) -> Result<Vec<String>> {
        let subruns = self.subruns();
        let searches = self.searches_beside()?.into_iter();
        let seeds = entries_of(&subruns.join("seeds"))?.into_iter().filter(|(_, run)| run.join(MANIFEST).exists());
        let within = |(_, run): (String, PathBuf)| run.strip_prefix(&subruns).unwrap_or(&run).display().to_string();
        Ok(searches.chain(seeds).map(within).collect())
    }
}
