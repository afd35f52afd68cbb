//! `automoe latency collect`: a data set of measured architectures.

use crate::cli::options::{ConfigArgs, DeviceArgs, ThreadArgs, precision};
use crate::cli::output;
use crate::device;
use crate::error::Result;
use crate::pipeline::{self, settle_translation};
use std::io;
use std::path::PathBuf;

/// Measure random architectures of the space, spread evenly over FLOPs, into a CSV file that latency fit reads
///
/// Each takes about a second where the machine is fast and quiet, more until its latency is known to within --precision. Given
/// again after it was interrupted, or with more --samples, the command goes on with the file. Architectures take turns with
/// one and the same reference, whose times (reference_ms) show and correct the machine's drift. encoder_ms and decoder_ms are
/// what undisturbed passes take, encoder_mean_ms and decoder_mean_ms the means without the extreme tenths. Prints a summary
/// as JSON.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency collect --config multi30k --samples 400 --out here.csv
  automoe latency collect --config wmt14-en-de --device gpu --out gpu.csv && automoe latency fit gpu.csv --out gpu.json")]
pub struct CollectArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    threads: ThreadArgs,

    /// Architectures to have in the file
    #[arg(long, value_name = "N", default_value = "2000", value_parser = clap::value_parser!(u16).range(1..=20_000))]
    samples: u16,

    /// Go on with an architecture, within bounds, until its latency is known to within this, up or down
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = precision)]
    precision: f64,

    /// The data (CSV)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Collects, and prints what was done.
///
/// # Errors
/// An unusable config or device; a file that is something else, or was collected otherwise.
pub fn run(args: CollectArgs) -> Result<()> {
    let mut config = args.config.load()?;
    let device = device::parse(&args.device.device)?;
    settle_translation(&mut config, &device)?;
    args.threads.apply()?;
    let named = (args.device.device.as_str(), &device);
    let collected = pipeline::collect(&config, named, usize::from(args.samples), args.precision, &args.out)?;
    if collected.noisy > 0 {
        tracing::warn!(
            "{} of {} latencies are known less precisely than to {} %: the machine was busy otherwise",
            collected.noisy,
            collected.measured,
            100.0 * args.precision
        );
    }
    output::json_line(&mut io::stdout().lock(), &collected).map(|_| ())
}
