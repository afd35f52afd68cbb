//! `automoe latency`: measured latencies and what predicts them.

pub mod fit;

use crate::error::Result;

/// Fit predictors of latency to measured data.
#[derive(Debug, Clone, clap::Args)]
pub struct LatencyArgs {
    #[command(subcommand)]
    command: LatencyCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum LatencyCommand {
    Fit(fit::FitArgs),
}

/// Runs the subcommand.
///
/// # Errors
/// The subcommand's.
pub fn run(args: LatencyArgs) -> Result<()> {
    match args.command {
        LatencyCommand::Fit(args) => fit::run(args),
    }
}
