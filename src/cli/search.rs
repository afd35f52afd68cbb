//! `automoe search`: the search for the best architecture.

use super::constraints::ConstraintArgs;
use super::options::RunArgs;
use super::{architectures, output};
use crate::error::Result;
use crate::pipeline::{EarlierTrials, search};
use crate::run::checkpoints::resolve;
use crate::search::Pick;
use std::io;
use std::path::PathBuf;

/// Search for the best architecture with the SuperNet's weights and print it as JSON.
///
/// With several search.objectives it prints the trials of the Pareto front, one a line, the knee first, or with --pick one
/// architecture.
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
  automoe search --config toy --set search.algorithm=nsga2 --set 'search.objectives=[\"loss\", \"gflops\"]' > front.jsonl
  automoe search --config toy --fresh --warm-start runs/other/search/trials.jsonl
  automoe search --config toy | automoe train --config toy --arch - --name winner")]
pub struct SearchArgs {
    #[command(flatten)]
    run: RunArgs,

    /// The SuperNet: a checkpoint, or a folder with one [default: the run's supernet/]
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<PathBuf>,

    /// Remove the trials of an earlier search, and begin anew
    #[arg(long)]
    fresh: bool,

    /// Begin with the architectures in FILE, one a line, instead of random ones; of trials of another search with the best of the
    /// complete ones
    #[arg(long, value_name = "FILE")]
    warm_start: Option<PathBuf>,

    /// Print one architecture: the knee of the front, the one with the lowest loss, or that among those with a COST of at most
    /// MOST, such as gflops=0.04 [default: knee; with one objective: loss]
    #[arg(long, value_name = "knee|loss|COST=MOST")]
    pick: Option<Pick>,

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
    if !args.run.begin(&config, "search")? {
        return Ok(());
    }
    let checkpoint = args.checkpoint.unwrap_or_else(|| config.run_dir.join("supernet"));
    resolve(&checkpoint)?;
    let objectives = &config.search.objectives;
    let is_front = args.pick.is_none() && objectives.len() > 1;
    let given = args.warm_start.map(|file| architectures::to_begin_with(&file, config.model.qkv_dim, objectives));
    let given = given.transpose()?.unwrap_or_default();
    let workspace = args.run.open(config, "search", false)?;
    let earlier = if args.fresh { EarlierTrials::Remove } else { EarlierTrials::GoOn };
    let pick = args.pick.unwrap_or(Pick::Knee);
    let found = workspace.carry_out(|workspace| search(workspace, &checkpoint, earlier, &given, pick))?;
    let mut out = io::stdout().lock();
    if !is_front {
        return output::json_line(&mut out, &found[0].architecture).map(|_| ());
    }
    for trial in &found {
        if !output::json_line(&mut out, trial)? {
            break;
        }
    }
    Ok(())
}
