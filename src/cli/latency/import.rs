//! `automoe latency import`: a predictor of the HAT repository becomes a profile.

use super::profiles;
use crate::cli::output;
use crate::error::{Error, Result};
use crate::interop::latency_predictor::{self, FEATURE_SCALE};
use crate::latency::{ImportReport, LatencyProfile, MeasuredRows, Report};
use std::io;
use std::path::{Path, PathBuf};

/// Make a device's profile of a latency predictor that HAT trained (a PyTorch file)
///
/// The file holds the network alone. What its features were divided by has HAT's usual values; the milliseconds that an output of
/// 1 stands for differ from device to device: give them, or measured data to find them by. Prints how well the predictor does on the
/// data's last rows, as JSON.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency import wmt14ende_cpu_xeon.pt --output-ms 300 --out xeon.json
  automoe latency import wmt14ende_cpu_xeon.pt --data wmt14ende_cpu_xeon_all.csv --out xeon.json | jq .test")]
pub struct ImportArgs {
    /// The predictor: a state dict with first_layer, layers.0, …, predict
    #[arg(value_name = "PREDICTOR")]
    predictor: PathBuf,

    /// Save the profile here (JSON)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Milliseconds that an output of 1 stands for (HAT: 200 for GPUs, 300 for its Xeon) [default: found by --data]
    #[arg(long, value_name = "MS")]
    output_ms: Option<f64>,

    /// What the features were divided by: ten numbers, or twelve with the numbers of experts
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = FEATURE_SCALE)]
    feature_scale: Vec<f64>,

    /// Latencies measured on the device, CSV: the validation rows give the prediction interval, the test rows the figures
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,

    /// Name of the device in the profile [default: the name of PREDICTOR without its extension]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
}

/// Imports, saves the profile, and prints its figures as one line of JSON.
///
/// # Errors
/// A file that is no such predictor, scales that do not fit it, unusable data, or a profile that cannot be written.
pub fn run(args: ImportArgs) -> Result<()> {
    if args.output_ms.is_none() && args.data.is_none() {
        let message = "give --data, or the milliseconds that its output of 1 stands for: --output-ms (200 for HAT's GPUs, 300 \
                       for its Xeon)";
        return Err(Error::input(message).at(args.predictor.display()));
    }
    let layers = latency_predictor::read(&args.predictor)?;
    let data = args.data.as_ref().map(|path| read(path)).transpose()?;
    let perceptron = latency_predictor::perceptron(layers, args.feature_scale, args.output_ms, data.as_ref());
    let perceptron = perceptron.map_err(|error| error.at(args.predictor.display()))?;
    let device = profiles::device_name(args.device_name, &args.predictor);
    let profile = LatencyProfile::imported(&device, perceptron, data.as_ref());
    profiles::save(&profile, &args.out)?;
    if let Report::Import(ImportReport { test: Some(test), .. }) = &profile.report
        && test.metrics.r2.is_some_and(|r2| r2 < 0.0)
    {
        tracing::warn!(
            "on the test rows the predictor is worse than their mean: --data are another device's, or --output-ms is wrong"
        );
    }
    output::json_line(&mut io::stdout().lock(), &profile.report).map(|_| ())
}

fn read(path: &Path) -> Result<MeasuredRows> {
    let data = MeasuredRows::read(path)?;
    data.check_rows().map_err(|error| error.at(path.display()))?;
    Ok(data)
}
