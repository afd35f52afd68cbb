//! `automoe report`: runs for people to look at.

use crate::error::Result;
use crate::pipeline::report_page;
use crate::run::atomic;
use std::path::PathBuf;

/// Write what a run has found as one page of HTML.
///
/// The page needs nothing else: it opens from disk, prints, and has no script. It can be written while a run goes on. `automoe run`
/// ends with it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe report runs/toy                              # runs/toy/report.html
  automoe report runs/a runs/b --out compared.html     # side by side")]
pub struct ReportArgs {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    runs: Vec<PathBuf>,

    /// Where the page goes; without it: report.html in the run directory, of several runs in the working directory
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the page.
///
/// # Errors
/// No run there, or files of it that are damaged; a file that cannot be written.
pub fn run(args: ReportArgs) -> Result<()> {
    let out = match (args.out, args.runs.as_slice()) {
        (Some(out), _) => out,
        (None, [run]) => run.join("report.html"),
        (None, _) => "report.html".into(),
    };
    atomic::write(&out, report_page(&args.runs)?.as_bytes())?;
    tracing::info!("report: {}", out.display());
    Ok(())
}
