//! `automoe run`: all phases.

use super::constraints::ConstraintArgs;
use super::{options, output};
use crate::error::Result;
use crate::pipeline;
use std::io;

/// Run all phases: data, SuperNet, search, training of the winner and of a dense baseline, test.
///
/// An interrupted run goes on when the same command is given again. Ends with a table of what was found; results.json in the
/// run directory holds the same and more.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe run --config toy
  automoe run --config multi30k
  automoe run --config toy --run-dir runs/fast --max-latency-ms 1.2 --latency measured
  automoe run --config toy --device vulkan --run-dir runs/toy-gpu")]
pub struct RunArgs {
    #[command(flatten)]
    run: options::RunArgs,

    /// Remove what an earlier run left in the run directory
    #[arg(long)]
    fresh: bool,

    /// Print the results as JSON instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    constraints: ConstraintArgs,
}

/// Runs all phases and prints the table.
///
/// # Errors
/// Those of the phases.
pub fn run(args: RunArgs) -> Result<()> {
    let mut config = args.run.config()?;
    args.constraints.apply(&mut config)?;
    let workspace = args.run.open(config, "run", args.fresh)?;
    let results = workspace.carry_out(pipeline::run)?;
    let mut out = io::stdout().lock();
    match args.json {
        true => output::json_pretty(&mut out, &results).map(|_| ()),
        false => output::write(&mut out, &table(&results)).map(|_| ()),
    }
}

/// To about three digits, and to a thousandth at most.
fn milliseconds(value: f64) -> String {
    let decimals = (2.0 - value.log10().floor()).clamp(0.0, 3.0) as usize;
    format!("{value:.decimals$}")
}

fn table(results: &pipeline::Results) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["model", "BLEU", "chrF", "GFLOPs", "parameters M", "active M", "sparsity %", "latency ms"]);
    for row in &results.rows {
        table.add_row([
            row.name.clone(),
            format!("{:.2}", row.scores.bleu),
            format!("{:.2}", row.scores.chrf),
            format!("{:.4}", row.gflops),
            format!("{:.3}", row.parameters as f64 / 1e6),
            format!("{:.3}", row.active_parameters as f64 / 1e6),
            format!("{:.1}", 100.0 * row.sparsity),
            milliseconds(row.latency.total_ms()),
        ]);
    }
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_digits() {
        let shown = [0.0, 0.04375, 0.4375, 6.951, 68.22, 450.8, 12_345.6].map(milliseconds);
        assert_eq!(shown, ["0.000", "0.044", "0.438", "6.95", "68.2", "451", "12346"]);
    }
}
