//! `automoe latency`: measured latencies and what predicts them.

pub mod collect;
pub mod fit;
pub mod import;
pub mod measure;
pub mod plot;
pub mod predict;

use crate::error::{Error, Result};
use crate::latency::LatencyProfile;
use crate::run::atomic;
use std::path::Path;

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

/// Saves a profile at `out`, in place of another profile or of nothing.
///
/// # Errors
/// What is there is something else, which would be lost; it cannot be written.
fn save(profile: &LatencyProfile, out: &Path) -> Result<()> {
    if out.is_file() && !LatencyProfile::may_replace(out) {
        return Err(Error::input("not a latency profile, and would be lost; give another --out").at(out.display()));
    }
    atomic::write(out, profile.to_json().as_bytes())
}

/// The name of a device: as given, or the name of the file about it without its extension.
fn device_name(given: Option<String>, file: &Path) -> String {
    given.unwrap_or_else(|| file.file_stem().unwrap_or_default().to_string_lossy().into_owned())
}
