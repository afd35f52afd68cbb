//! `automoe export`: a checkpoint as a safetensors file for other programs.

use super::{architectures, output};
use crate::error::Result;
use crate::interop::foreign::Names;
use crate::pipeline::{export, run_config};
use std::io;
use std::path::PathBuf;

/// Write a checkpoint's weights as safetensors, bit for bit, or those of a SuperNet's subnet.
///
/// The file says which architecture it has, so that automoe import needs no --arch for it. Prints the number of parameters
/// as JSON: all of them, and those in embeddings (automoe cost leaves the latter out of parameters.total).
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe export --checkpoint runs/toy/models/winner --out winner.safetensors
  automoe export --checkpoint runs/toy/supernet/last.safetensors --out supernet.safetensors --names reference
  automoe export --checkpoint runs/toy/supernet --arch winner.json --out winner.safetensors")]
pub struct ExportArgs {
    /// A checkpoint, or a folder with one (of which the best is taken)
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    /// Cut this architecture (JSON, or HAT's YAML; - for standard input) out of a SuperNet's checkpoint
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

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
/// An unusable checkpoint or architecture, or a file that cannot be written.
pub fn run(args: ExportArgs) -> Result<()> {
    let architecture = |file| architectures::single(file, run_config(&args.checkpoint, &[])?.model.qkv_dim);
    let architecture = args.arch.as_deref().map(architecture).transpose()?;
    let exported = export(&args.checkpoint, architecture.as_ref(), &args.out, args.names)?;
    output::json_line(&mut io::stdout().lock(), &exported).map(|_| ())
}
