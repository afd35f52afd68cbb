//! `automoe latency measure`: what decoding takes on this machine.

use crate::cli::options::{ConfigArgs, DeviceArgs, ThreadArgs, precision};
use crate::cli::{architectures, output};
use crate::config::Precision;
use crate::device;
use crate::error::{Result, listed};
use crate::latency::{self, Effort, Latency, Timing};
use crate::model::precision::Products;
use crate::pipeline::{RandomModels, check_sentence_length, dimensions, settle_translation, vocabularies};
use crate::progress::Progress;
use crate::space::Architecture;
use crate::train::load_weights;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Measure the latency of architectures: one sentence, decoded with a beam's rows and a key/value cache
///
/// Prints a JSON line for each architecture: the mean without the highest and the lowest tenth of the passes, the median, the
/// deviation, and an interval, for the encoder's pass over a dummy sentence of cost.sentence_length tokens, for decoding as
/// many with translate.beam rows in translate.precision ("compute_type"), and for both. The interval is where one more part (an eighth or less) of the run would lie 95
/// times of 100; so it allows for a device that drifts, as far as the run shows it, and the intervals of two runs should overlap.
/// Timing lasts a second at least and ends once the interval is within --precision ("within_precision"). Where other programs
/// disturb too much, "noisy" says so; "undisturbed_ms" is what a pass takes between disturbances, by which latency predictors
/// are fitted. Latency depends on weights through the routing of experts only; without --checkpoint they are random.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency measure --config multi30k
  automoe space --config toy --sample 3 | automoe latency measure --config toy --arch - --threads 1 | jq .ms
  automoe latency measure --checkpoint runs/multi30k/supernet --arch winner.json
  automoe latency measure --config multi30k --arch winner.json --device gpu --precision 0.5%")]
pub struct MeasureArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    threads: ThreadArgs,

    /// Architectures, or JSON that holds one as "architecture" (trials), one a line or spread over lines; - reads standard
    /// input [default: the space's largest, or the checkpoint's]
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Trained weights: a checkpoint of a run, or a folder with one, measured with the run's config; --set changes what is
    /// measured, not the model [default: random weights]
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "config")]
    checkpoint: Option<PathBuf>,

    /// Stop once the total is known to within this, up or down
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = precision)]
    precision: f64,

    /// Passes that are timed at most
    #[arg(long, value_name = "N", default_value = "300", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    passes: u32,
}

/// A line of output.
#[derive(Serialize)]
struct Measured<'a> {
    architecture: &'a Architecture,
    ms: f64,
    interval_ms: Option<[f64; 2]>,
    encoder: Timing,
    decoder: Timing,
    undisturbed_ms: f64,
    passes: usize,
    within_precision: bool,
    noisy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_noisy: Option<String>,
    device: &'a str,
    threads: usize,
    sentence_length: usize,
    beam: usize,
    vocab_size: usize,
    compute_type: Precision,
}

/// Warns where `latency` is not what was asked for.
fn tell_of_doubt(latency: &Latency, why_noisy: Option<&str>, precision: f64) {
    match (why_noisy, latency.relative_precision()) {
        (Some(why), _) => tracing::warn!("too noisy to trust: {why}"),
        (None, Some(reached)) if !latency.is_within(precision) => tracing::warn!(
            "by {} passes the latency is known to ±{:.1} %, not to ±{} %: allow more --passes, or a wider --precision",
            latency.passes,
            100.0 * reached,
            100.0 * precision
        ),
        _ => {}
    }
}

/// Measures, a line for each architecture.
///
/// # Errors
/// A config, device or architecture that cannot be used; architectures before it have been measured.
pub fn run(args: MeasureArgs) -> Result<()> {
    let mut config = args.config.load_of(args.checkpoint.as_deref())?;
    check_sentence_length(&config)?;
    let vocabularies = vocabularies(&config);
    let sentence_length = dimensions(&config, vocabularies)?.sentence_length;
    let device = device::parse(&args.device.device)?;
    settle_translation(&mut config, &device)?;
    let products = Products::new(config.translate.precision, &device);
    args.threads.apply()?;
    let trained = match &args.checkpoint {
        Some(path) => Some((path, load_weights(path, &device)?)),
        None => None,
    };
    let space = config.space()?;
    let measure = |architecture: &Architecture| -> Result<bool> {
        let model = match &trained {
            Some((path, weights)) => {
                weights.subnet(architecture).map_err(|error| error.at(path.display()))?.with_products(products)
            }
            None => RandomModels::new(&config, vocabularies, architecture, &device)?.model(architecture)?,
        };
        if let Err(faults) = space.contains(architecture) {
            tracing::warn!("an architecture outside the config's space: {}", listed(&faults, "; "));
        }
        let beam = config.translate.beam;
        let effort = Effort { passes: args.passes as usize, precision: args.precision, time: Duration::MAX };
        let bar = Progress::bar(u64::from(args.passes), "passes", "measuring");
        let measurement = latency::measure(&model, sentence_length, beam, effort, &|| bar.inc(1));
        bar.finish();
        let latency = measurement.latency();
        let why_noisy = latency.noise(args.precision);
        tell_of_doubt(&latency, why_noisy.as_deref(), args.precision);
        let line = Measured {
            architecture,
            ms: latency.total_ms(),
            interval_ms: latency.interval_ms,
            encoder: latency.encoder,
            decoder: latency.decoder,
            passes: latency.passes,
            within_precision: latency.is_within(args.precision),
            noisy: why_noisy.is_some(),
            why_noisy,
            undisturbed_ms: measurement.undisturbed().total_ms(),
            device: &args.device.device,
            threads: rayon::current_num_threads(),
            sentence_length,
            beam,
            vocab_size: model.config().target_vocab,
            compute_type: config.translate.precision,
        };
        output::json_line(&mut io::stdout().lock(), &line)
    };
    match (&args.arch, &trained) {
        (None, Some((_, weights))) => measure(&weights.supernet.config.architecture).map(|_| ()),
        (arch, _) => architectures::for_each(arch.as_deref(), &config, measure),
    }
}
