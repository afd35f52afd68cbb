//! `automoe latency predict`: what architectures would take on a device, by its profile.

use crate::cli::options::ConfigArgs;
use crate::cli::{architectures, output};
use crate::error::Result;
use crate::latency::{LatencyProfile, Prediction};
use crate::pipeline::{Extrapolations, compare_with_profile};
use crate::space::Architecture;
use serde::Serialize;
use std::io;
use std::path::PathBuf;

/// Predict the latency of architectures on the device of a profile
///
/// Prints a JSON line for each architecture: milliseconds for encoder and decoder together (for profiles of collected data
/// those without disturbances, "undisturbed_ms" of latency measure), the interval that the share "level" of measurements
/// lies in while the device stays as it was, and the parts, where the profile tells them apart; beyond_data names what of the
/// architecture lies beyond all that the profile was fitted to, if anything does.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency predict --profile xeon.json --config wmt14-en-de --arch winner.json
  automoe space --config toy --sample 100 | automoe latency predict --profile here.json --config toy --arch - | jq .ms")]
pub struct PredictArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// The device's profile, made by latency fit or latency import
    #[arg(long, value_name = "FILE")]
    profile: PathBuf,

    /// Architectures, or JSON that holds one as "architecture" (trials), one a line or spread over lines; - reads standard
    /// input [default: the space's largest]
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,
}

/// A line of output.
#[derive(Serialize)]
struct Predicted<'a> {
    architecture: &'a Architecture,
    #[serde(flatten)]
    prediction: Prediction,
    device: &'a str,
}

/// Predicts, a line for each architecture.
///
/// # Errors
/// A config, profile or architecture that cannot be used; architectures before it have been predicted.
pub fn run(args: PredictArgs) -> Result<()> {
    let config = args.config.load()?;
    let profile = LatencyProfile::read(&args.profile)?;
    compare_with_profile(&config, &profile)?;
    let mut extrapolations = Extrapolations::of(&profile);
    let predict = |architecture: &Architecture| {
        let prediction = extrapolations.predict(architecture);
        let line = Predicted { architecture, prediction, device: &profile.device };
        output::json_line(&mut io::stdout().lock(), &line)
    };
    architectures::for_each(args.arch.as_deref(), &config, predict)?;
    extrapolations.tell();
    Ok(())
}
