//! `automoe export`: a checkpoint as a safetensors file for other programs.

use super::output;
use crate::error::Result;
use crate::interop::foreign::Names;
use crate::pipeline::export;
use std::io;
use std::path::PathBuf;

/// Write a checkpoint's weights as safetensors, bit for bit.
///
/// The file says which architecture it has, so that automoe import needs no --arch for it. Prints the number of parameters
/// as JSON: all of them, and those in embeddings (automoe cost leaves the latter out of parameters.total).
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe export --checkpoint runs/toy/models/winner --out winner.safetensors
  automoe export --checkpoint runs/toy/supernet/last.safetensors --out supernet.safetensors --names reference")]
pub struct ExportArgs {
    /// A checkpoint, or a folder with one (of which the best is taken)
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    /// The file to write
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,

    /// Under which names
    #[arg(long, value_enum, value_name = "NAMES", default_value = "ours")]
    names: Names,
}

/// Exports, and prints a summary.
///
/// # Errors
/// An unusable checkpoint, or a file that cannot be written.
pub fn run(args: ExportArgs) -> Result<()> {
    let exported = export(&args.checkpoint, &args.out, args.names)?;
    output::json_line(&mut io::stdout().lock(), &exported).map(|_| ())
}
