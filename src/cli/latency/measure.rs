//! `automoe latency measure`: what decoding takes on this machine.

use crate::cli::options::{ConfigArgs, DeviceArgs, ThreadArgs, precision};
use crate::cli::{architectures, output};
use crate::cost::latency::{self, Effort, Timing};
use crate::error::Result;
use crate::model::device;
use crate::pipeline::{RandomModels, TrainedModels, dimensions};
use crate::progress::Progress;
use crate::space::Architecture;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Measure the latency of architectures: one sentence, decoded with a beam's rows and a key/value cache
///
/// Prints a JSON line for each architecture: the mean without the highest and the lowest tenth of the passes, the median, the
/// deviation, and an interval, for the encoder's pass over a dummy sentence of cost.sentence_length tokens, for decoding as
/// many with translate.beam rows, and for both. The interval allows for a device that keeps changing as it did during the run:
/// those of two runs overlap, 95 times of 100. Latency depends on weights through the routing of experts only; without
/// --checkpoint they are random. Where other programs disturb, "noisy" says so.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe latency measure --config multi30k
  automoe space --config toy --sample 3 | automoe latency measure --config toy --arch - --threads 1 | jq .ms
  automoe latency measure --config multi30k --checkpoint runs/multi30k/supernet --arch winner.json
  automoe latency measure --config multi30k --arch winner.json --device gpu --precision 0.5%")]
pub struct MeasureArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    threads: ThreadArgs,

    /// Architectures as JSON, one a line or one spread over lines; - reads standard input [default: the space's largest, or
    /// the checkpoint's]
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Trained weights: a checkpoint, or a folder with one [default: random weights]
    #[arg(long, value_name = "CHECKPOINT")]
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
    passes: usize,
    noisy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_noisy: Option<String>,
    device: &'a str,
    threads: usize,
    sentence_length: usize,
    beam: usize,
    vocab_size: usize,
}

/// Measures, a line for each architecture.
///
/// # Errors
/// A config, device or architecture that cannot be used; architectures before it have been measured.
pub fn run(args: MeasureArgs) -> Result<()> {
    let config = args.config.load()?;
    let sentence_length = dimensions(&config)?.sentence_length;
    let device = device::parse(&args.device.device)?;
    args.threads.apply()?;
    let trained = args.checkpoint.as_ref().map(|path| TrainedModels::load(path, &device)).transpose()?;
    let measure = |architecture: &Architecture| -> Result<bool> {
        let model = match &trained {
            Some(trained) => trained.model(architecture)?,
            None => RandomModels::new(&config, architecture, &device)?.model(architecture)?,
        };
        let beam = config.translate.beam;
        let effort = Effort { passes: args.passes as usize, precision: args.precision, time: Duration::MAX };
        let bar = Progress::bar(u64::from(args.passes), "passes", "measuring");
        let latency = latency::measure(&model, sentence_length, beam, effort, &|| bar.inc(1));
        bar.finish();
        let doubt = latency.doubt(args.precision);
        if let Some(doubt) = &doubt {
            tracing::warn!("too noisy to trust: {doubt}");
        }
        let line = Measured {
            architecture,
            ms: latency.total_ms(),
            interval_ms: latency.interval_ms,
            encoder: latency.encoder,
            decoder: latency.decoder,
            passes: latency.passes,
            noisy: doubt.is_some(),
            why_noisy: doubt,
            device: &args.device.device,
            threads: rayon::current_num_threads(),
            sentence_length,
            beam,
            vocab_size: model.config().target_vocab,
        };
        output::json_line(&mut io::stdout().lock(), &line)
    };
    match (&args.arch, &trained) {
        (None, Some(trained)) => measure(trained.architecture()).map(|_| ()),
        (arch, _) => architectures::for_each(arch.as_deref(), &config, measure),
    }
}
