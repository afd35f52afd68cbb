//! `automoe report`: runs for people to look at, and for other programs.

use super::output;
use crate::error::{Error, Result};
use crate::pipeline::{optuna_study, report_page, write_report};
use crate::run::{RunDirectory, atomic};
use std::io;
use std::path::PathBuf;

/// Write what a run has found as one page of HTML, or its trials for Optuna.
///
/// The page needs nothing else: it opens from disk, prints, and has no script. It can be written while a run goes on. `automoe run`
/// ends with it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe report runs/toy                              # runs/toy/report.html
  automoe report runs/a runs/b --out compared.html     # side by side
  automoe report runs/toy --optuna toy.journal         # then: optuna-dashboard toy.journal")]
pub struct ReportArgs {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    runs: Vec<PathBuf>,

    /// Where the page goes, `-` being standard output; without it: report.html in the run directory, of several runs in the working
    /// directory
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write the trials of the run as Optuna's journal, which JournalStorage(JournalFileBackend(FILE)) reads, and no page unless
    /// --out asks for it
    #[arg(long, value_name = "FILE")]
    optuna: Option<PathBuf>,
}

/// Writes the page, or the journal.
///
/// # Errors
/// No run there, or files of it that are damaged; a file that cannot be written.
pub fn run(args: ReportArgs) -> Result<()> {
    if let Some(file) = &args.optuna {
        let [run] = args.runs.as_slice() else {
            return Err(Error::input("expected one run directory: a study has the trials of one search").at("--optuna"));
        };
        atomic::write(file, optuna_study(run)?.as_bytes())?;
        tracing::info!("the trials of {} are in {}", run.display(), file.display());
    }
    let out = match (args.out, args.runs.as_slice()) {
        (Some(out), _) => out,
        (None, _) if args.optuna.is_some() => return Ok(()),
        (None, [run]) => return write_report(&RunDirectory::read_only(run)?),
        (None, _) => "report.html".into(),
    };
    let page = report_page(&args.runs)?;
    if out.as_os_str() == "-" {
        return output::write(&mut io::stdout().lock(), &page).map(|_| ());
    }
    atomic::write(&out, page.as_bytes())?;
    tracing::info!("report: {}", out.display());
    Ok(())
}
