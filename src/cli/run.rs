//! `automoe run`: all phases.

use super::constraints::ConstraintArgs;
use super::{options, output};
use crate::error::Result;
use crate::pipeline::{self, Asked, Ladder, Workspace};
use crate::report::export::Text;
use crate::report::{Exporter, Table, results_tables, seeds_tables};
use serde::Serialize;
use std::io;

/// Run all phases: data, SuperNet, search, training of the winner, of a dense baseline and of what `compare` asks for, test.
///
/// An interrupted run goes on when the same command is given again. Ends with tables of what was found and how it compares;
/// results.json in the run directory holds the same and more (of several seeds seeds.json), and report.html shows it. Test scores
/// come last: nothing is chosen by them.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe run --config toy
  automoe run --config multi30k
  automoe run --config toy --set 'compare=[{kind=\"dense-search\"}, {kind=\"moe\", experts=2}]'
  automoe run --config multi30k --seeds 3 --ladder gflops=0.02,0.03,0.06
  automoe run --config toy --run-dir runs/fast --max-latency-ms 1.2 --latency measured
  automoe run --config toy --device vulkan --run-dir runs/toy-gpu")]
pub struct RunArgs {
    #[command(flatten)]
    run: options::RunArgs,

    /// Train so many of what the search found: the best by loss, or of a front the knee and those next to it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: u16,

    /// Repeat all with so many seeds, the config's and those that follow it, and give mean and deviation of each figure
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,

    /// Do the searches under these limits of one cost as well (gflops, parameters, active_parameters, memory_mb, kv_cache_mb), train
    /// what each finds, and read off their curves what FLOPs it takes to be as good as the dense model on the validation set
    #[arg(long, value_name = "COST=LIMIT,…")]
    ladder: Option<Ladder>,

    /// Remove what an earlier run left in the run directory
    #[arg(long)]
    fresh: bool,

    /// Print the results as JSON instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    constraints: ConstraintArgs,
}

/// Runs all phases and prints the tables.
///
/// # Errors
/// Those of the phases.
pub fn run(args: RunArgs) -> Result<()> {
    let mut config = args.run.config()?;
    args.constraints.apply(&mut config)?;
    if !args.run.begin(&config, "run")? {
        return Ok(());
    }
    let workspace = args.run.open(config, "run", args.fresh)?;
    let asked = Asked { top: args.top.into(), ladder: args.ladder, seeds: args.seeds };
    if args.seeds == 1 {
        let results = workspace.carry_out(|workspace| pipeline::run(workspace, &asked))?;
        write_report(&workspace);
        return print(args.json, &results, &results_tables(&results));
    }
    let repeated = workspace.carry_out(|workspace| pipeline::run_with_seeds(workspace, &asked))?;
    write_report(&workspace);
    print(args.json, &repeated, &seeds_tables(&repeated))
}

/// Writes the page of the run; its results are there without it.
fn write_report(workspace: &Workspace) {
    if let Err(error) = pipeline::write_report(&workspace.run) {
        tracing::warn!("no report: {error}");
    }
}

fn print(as_json: bool, value: &impl Serialize, tables: &[Table]) -> Result<()> {
    let mut out = io::stdout().lock();
    match as_json {
        true => output::json_pretty(&mut out, value).map(|_| ()),
        false => output::write(&mut out, &Text.export(tables)).map(|_| ()),
    }
}
