//! `automoe latency plot`: how well a device's latency is predicted, and what it depends on, as a picture.

use super::profiles;
use crate::bounded::drop_mark;
use crate::error::{Error, Result};
use crate::latency::{LatencyProfile, MeasuredRows, Metrics, fit};
use crate::report::latency_plot;
use crate::run::atomic;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Plot predicted against measured latency, and latency by decoder layers, as SVG
///
/// The rows shown are the last 10 % of the data, which no predictor was fitted to.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency plot here.json --out here.svg
  automoe latency plot wmt14ende_cpu_xeon_all.csv --out xeon.svg")]
pub struct PlotArgs {
    /// Measured architectures (CSV), which a predictor is fitted to, or a profile (JSON)
    #[arg(value_name = "DATA|PROFILE")]
    source: PathBuf,

    /// Write the plot here (SVG)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Plots.
///
/// # Errors
/// A file that is neither data nor a profile with test rows; a plot that cannot be written.
pub fn run(args: PlotArgs) -> Result<()> {
    if !args.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        return Err(Error::input("the plot is SVG: expected a name that ends in .svg").at(args.out.display()));
    }
    let place = args.source.display();
    let profile = match is_json(&args.source).map_err(|error| Error::input(error).at(place.to_string()))? {
        true => LatencyProfile::read(&args.source)?,
        false => {
            let data = MeasuredRows::read(&args.source)?;
            fit(&data, &profiles::device_name(None, &args.source)).map_err(|error| error.at(place.to_string()))?
        }
    };
    if profile.tested.is_empty() {
        let message = "a profile that was never compared with measurements; import it with --data, or give the data";
        return Err(Error::input(message).at(place));
    }
    let (measured, predicted): (Vec<f64>, Vec<f64>) =
        profile.tested.iter().map(|row| (row.measured_ms, row.predicted_ms)).unzip();
    let mape = Metrics::of(&measured, &predicted).mape;
    atomic::write(&args.out, latency_plot(&profile.device, mape, &profile.tested)?.as_bytes())
}

/// Whether the file begins as JSON objects do.
fn is_json(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut start)?;
    drop_mark(&mut start)?;
    Ok(start.trim_ascii_start().first() == Some(&b'{'))
}
