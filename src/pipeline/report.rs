//! What is written of runs for people.

use crate::error::Result;
use crate::page::{Facts, page};
use crate::run::{RunDirectory, atomic};
use std::path::Path;

/// The runs in these folders as a page of HTML; they may be in use.
///
/// # Errors
/// No run there, or files of it that are damaged.
pub fn report_page(folders: &[impl AsRef<Path>]) -> Result<String> {
    let facts: Vec<Facts> = folders.iter().map(|folder| Facts::read(folder.as_ref())).collect::<Result<_>>()?;
    Ok(page(&facts))
}

/// Writes the page of `run` into it, and where it stands.
///
/// # Errors
/// Files of it that are damaged; it cannot be written.
pub fn write_report(run: &RunDirectory) -> Result<()> {
    let path = run.report();
    atomic::write(&path, report_page(&[run.root()])?.as_bytes())?;
    tracing::info!("report: {}", path.display());
    Ok(())
}
