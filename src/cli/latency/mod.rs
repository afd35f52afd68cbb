//! `automoe latency`: measured latencies and what predicts them.

pub mod collect;
pub mod fit;
pub mod import;
pub mod measure;
pub mod plot;
pub mod predict;
mod profiles;

use crate::error::Result;

/// Measure latencies, and fit and use predictors of them.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "From measuring a device to predicting for it:
  automoe latency collect --config multi30k --samples 400 --out here.csv
  automoe latency fit here.csv --out here.json
  automoe latency plot here.json --out here.svg
  automoe space --config multi30k --sample 5 | automoe latency predict --profile here.json --arch -")]
pub struct LatencyArgs {
    #[command(subcommand)]
    command: LatencyCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum LatencyCommand {
    Measure(measure::MeasureArgs),
    Collect(collect::CollectArgs),
    Fit(fit::FitArgs),
    Predict(predict::PredictArgs),
    Import(import::ImportArgs),
    Plot(plot::PlotArgs),
}

/// Runs the subcommand.
///
/// # Errors
/// The subcommand's.
pub fn run(args: LatencyArgs) -> Result<()> {
    match args.command {
        LatencyCommand::Measure(args) => measure::run(args),
        LatencyCommand::Collect(args) => collect::run(args),
        LatencyCommand::Fit(args) => fit::run(args),
        LatencyCommand::Predict(args) => predict::run(args),
        LatencyCommand::Import(args) => import::run(args),
        LatencyCommand::Plot(args) => plot::run(args),
    }
}
