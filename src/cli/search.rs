//! `automoe search`: the evolutionary search.

use super::constraints::ConstraintArgs;
use super::options::RunArgs;
use super::output;
use crate::error::Result;
use crate::pipeline::search;
use crate::run::checkpoints::resolve;
use std::io;
use std::path::PathBuf;

/// Search for the best architecture with the SuperNet's weights and print it as JSON.
///
/// Every candidate goes to search/trials.jsonl in the run directory; an interrupted search goes on from there. Limits
/// combine. Latency is predicted by a profile, which may be that of another machine, or measured on --device: each candidate
/// by a few passes, and the best at length until one is within the limit.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe search --config toy
  automoe search --config multi30k --max-gflops 0.2 > winner.json
  automoe search --config toy --fresh --max-latency-ms 1.2 --latency measured
  automoe search --max-latency-ms 40 --latency-profile phone.json --max-memory-mb 20
  automoe search --config toy | automoe train --config toy --arch - --name winner")]
pub struct SearchArgs {
    #[command(flatten)]
    run: RunArgs,

    /// The SuperNet: a checkpoint, or a folder with one [default: the run's supernet/]
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<PathBuf>,

    /// Remove the trials of an earlier search with other settings
    #[arg(long)]
    fresh: bool,

    #[command(flatten)]
    constraints: ConstraintArgs,
}

/// Searches, and prints the winner.
///
/// # Errors
/// Unusable config or checkpoint; an infeasible constraint.
pub fn run(args: SearchArgs) -> Result<()> {
    let mut config = args.run.config()?;
    args.constraints.apply(&mut config)?;
    let checkpoint = args.checkpoint.unwrap_or_else(|| config.run_dir.join("supernet"));
    resolve(&checkpoint)?;
    let workspace = args.run.open(config, "search", false)?;
    let winner = workspace.carry_out(|workspace| search(workspace, &checkpoint, args.fresh))?;
    output::json_line(&mut io::stdout().lock(), &winner.architecture).map(|_| ())
}
