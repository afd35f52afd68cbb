//! `automoe man`: manual pages.

use crate::error::{Error, Result};
use clap::Command;
use std::path::PathBuf;

/// Write the manual pages, one for each subcommand.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:
  automoe man ~/.local/share/man/man1 && man automoe-search")]
pub struct ManArgs {
    /// The folder to write them to; it is made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes `automoe.1`, `automoe-train.1`, …, of the whole command line, `program`.
///
/// # Errors
/// The folder cannot be written.
pub fn run(args: ManArgs, program: Command) -> Result<()> {
    std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(program, &args.folder))
        .map_err(|error| Error::path(error).at(args.folder.display()))
}
