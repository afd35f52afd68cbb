//! What is written of runs for people and other programs.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::page::{Facts, page};
use crate::report::optuna_journal;
use crate::run::directory::run_name;
use crate::run::{RunDirectory, atomic};
use crate::search::TrialLog;
use std::path::{Path, PathBuf};

/// The runs in these folders as a page of HTML; they may be in use.
///
/// # Errors
/// No run there, or files of it that are damaged.
pub fn report_page(folders: &[PathBuf]) -> Result<String> {
    Facts::read_all(folders).map(|facts| page(&facts))
}

/// Writes the page of `run` into it, and where it stands.
///
/// # Errors
/// Files of it that are damaged; it cannot be written.
pub fn write_report(run: &RunDirectory) -> Result<()> {
    let path = run.report();
    atomic::write(&path, report_page(&[run.root().to_path_buf()])?.as_bytes())?;
    tracing::info!("report: {}", path.display());
    Ok(())
}

/// The trials of the run in `folder` as a journal of Optuna's, of a study called as the run is.
///
/// # Errors
/// No run there, no trials, or files that are damaged.
pub fn optuna_study(folder: &Path) -> Result<String> {
    let run = RunDirectory::read_only(folder)?;
    let (config, trials) = (Config::load(&run.config().to_string_lossy())?, run.trials());
    let known = if trials.exists() { TrialLog::read(&trials)? } else { Vec::new() };
    if known.is_empty() {
        return Err(Error::input("no trials here; run the search first").at(trials.display()));
    }
    // Logs tell how long trials took: the last ended when the log was written last.
    let end = trials.metadata().and_then(|metadata| metadata.modified());
    let end = end.map_err(|error| Error::failure(error).at(trials.display()))?;
    optuna_journal(&run_name(folder)?, &known, &config.space()?, &config.search, end.into())
}
