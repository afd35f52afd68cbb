//! `automoe latency fit`: a latency predictor for any file of measured architectures.

use super::profiles;
use std::io;
use std::path::PathBuf;

use crate::cli::output;
use crate::error::Result;
use crate::latency::{MeasuredRows, fit};

/// Rows of which a tenth says something.
const MANY_ROWS: usize = 200;

/// Fit a latency predictor to measured architectures, and print how well it predicts rows it has not seen
///
/// DATA is a CSV file in the order of measurement: our own (architecture, encoder_ms, decoder_ms; with reference_ms, the
/// device's drift is taken out) or HAT's (ten averaged features, latency_mean_encoder, latency_mean_decoder). The first 80 % of the rows train, the next 10 % choose the
/// model, the last 10 % test it; 30 rows are the fewest, some hundred are good.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency fit measured.csv --out device.json
  automoe latency fit wmt14ende_cpu_xeon_all.csv --device-name xeon | jq .test")]
pub struct FitArgs {
    /// Measured architectures, CSV
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Save the device's profile here (JSON)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Name of the device in the profile [default: the name of DATA without its extension]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
}

/// Fits, saves the profile if asked to, and prints the figures as one line of JSON.
///
/// # Errors
/// A file that is no such data, too few rows, or a profile that cannot be written.
pub fn run(args: FitArgs) -> Result<()> {
    let data = MeasuredRows::read(&args.data)?;
    let device = profiles::device_name(args.device_name, &args.data);
    let profile = fit(&data, &device).map_err(|error| error.at(args.data.display()))?;
    if let Some(path) = &args.out {
        profiles::save(&profile, path)?;
    }
    let rows = data.samples.len();
    if rows < MANY_ROWS {
        tracing::warn!(
            "{}: a tenth of its {rows} rows chooses the model and gives its interval, another tenth tests it: that says little; \
             some hundred rows are good",
            args.data.display()
        );
    }
    output::json_line(&mut io::stdout().lock(), &profile.report)?;
    Ok(())
}
