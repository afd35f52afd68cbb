//! `automoe search`: the evolutionary search.

use super::options::RunArgs;
use super::output;
use crate::error::Result;
use crate::pipeline::search;
use crate::run::checkpoints::resolve;
use std::io;
use std::path::PathBuf;

/// Search for the best architecture with the SuperNet's weights and print it as JSON.
///
/// Every candidate goes to search/trials.jsonl in the run directory; an interrupted search goes on from there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe search --config toy
  automoe search --config multi30k --max-gflops 0.2 > winner.json
  automoe search --config toy | automoe train --config toy --arch - --name winner")]
pub struct SearchArgs {
    #[command(flatten)]
    run: RunArgs,

    /// The SuperNet: a checkpoint, or a folder with one [default: the run's supernet/]
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<PathBuf>,

    /// Largest FLOPs in units of 10⁹, the output projection left out [default: the config's search.max_gflops]
    #[arg(long, value_name = "F")]
    max_gflops: Option<f64>,

    /// Remove the trials of an earlier search with other settings
    #[arg(long)]
    fresh: bool,
}

/// Searches, and prints the winner.
///
/// # Errors
/// Unusable config or checkpoint; an infeasible constraint.
pub fn run(args: SearchArgs) -> Result<()> {
    let mut config = args.run.config()?;
    if let Some(limit) = args.max_gflops {
        config.search.max_gflops = limit;
        config.validate().map_err(|error| error.at("--max-gflops"))?;
    }
    let checkpoint = args.checkpoint.unwrap_or_else(|| config.run_dir.join("supernet"));
    resolve(&checkpoint)?;
    let workspace = args.run.open(config, "search", false)?;
    let winner = search(&workspace, &checkpoint, args.fresh)?;
    output::json_line(&mut io::stdout().lock(), &winner.architecture).map(|_| ())
}
