//! Measuring architectures with random weights, and the collection of many latencies.

use super::workspace::{check_sentence_length, dimensions, transformer_config, vocabularies};
use crate::bounded::read_text;
use crate::config::Config;
use crate::cost::memory::inference_bytes;
use crate::cost::{Dimensions, Embeddings, flops};
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::latency::data::collected::CollectedRow;
use crate::latency::data::csv::MAX_BYTES;
use crate::latency::{CollectedFile, Conditions, Latency, Measurement, Undisturbed};
use crate::model::precision::Products;
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::{Supernet, Transformer};
use crate::progress::Progress;
use crate::run::atomic;
use crate::run::lock::{LockError, lock};
use crate::space::{Architecture, Space, spread};
use burn::tensor::Device;
use serde::Serialize;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Architectures that take turns, so that a change of the device's state meets them all.
const BLOCK: usize = 4;
/// Turns of each at least …
const FEWEST_TURNS: usize = 10;
/// … and at most, while it is not known as precisely as wanted.
const MOST_TURNS: usize = 24;
/// How long a turn takes; all of an architecture's, with the reference's share, take about a second.
const TURN: Duration = Duration::from_millis(60);
/// Timed passes of a turn, whatever they take.
const TURN_PASSES: std::ops::RangeInclusive<usize> = 3..=25;
/// Passes before the first turn.
const WARM_UP: usize = 2;
/// Architectures that the reference is chosen from.
const CANDIDATES: usize = 16;
/// The largest model that is built, bytes of weights.
const MOST_BYTES: u64 = 32 << 30;

/// Models of random weights, cut out of one set of them.
pub struct RandomModels {
    supernet: Supernet,
    products: Products,
}

impl RandomModels {
    /// Weights for `largest` and everything within it, with the sizes that `config` and [`vocabularies`] give.
    ///
    /// # Errors
    /// Sizes that no model can have.
    pub fn new(config: &Config, vocabularies: [usize; 2], largest: &Architecture, device: &Device) -> Result<Self> {
        let [source_vocab, target_vocab] = vocabularies;
        let embeddings = Embeddings::of(config, vocabularies);
        let bytes = inference_bytes(largest, config.model.qkv_dim, &embeddings);
        if bytes > MOST_BYTES {
            return Err(Error::input(format!(
                "an architecture with {} GB of weights, more than the {} GB that are measured",
                bytes >> 30,
                MOST_BYTES >> 30
            )));
        }
        let shape = transformer_config(config, source_vocab, target_vocab, largest.clone(), largest);
        let supernet = Supernet::init(shape, Arc::new(LeadingSlice), config.seed, device);
        Ok(Self { supernet, products: Products::new(config.translate.precision, device) })
    }

    /// The model of `architecture`.
    ///
    /// # Errors
    /// It is larger than the largest.
    pub fn model(&self, architecture: &Architecture) -> Result<Transformer> {
        Ok(self.supernet.cut(architecture, false)?.with_products(self.products))
    }
}

/// What [`collect`] did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Collected {
    /// Rows in the file.
    pub rows: usize,
    /// Of these, measured by this call.
    pub measured: usize,
    /// Of those, less precise than wanted.
    pub noisy: usize,
    /// Slowest over fastest time of the reference during this call; none where nothing was measured.
    pub drift: Option<f64>,
}

/// Measures `samples` random architectures of `config`'s space, spread evenly over FLOPs, into the CSV file `out`; rows that
/// are there already stay. `precision` (a fraction) is what the latencies are wanted within.
///
/// # Errors
/// Unusable settings; a file that is something else, or was collected otherwise, or is in use; results that cannot be
/// written; [`Error::Interrupted`] after a signal.
pub fn collect(
    config: &Config,
    (device_name, device): (&str, &Device),
    samples: usize,
    precision: f64,
    out: &Path,
) -> Result<Collected> {
    check_sentence_length(config)?;
    let vocabularies = vocabularies(config);
    let dimensions = dimensions(config, vocabularies)?;
    let space = config.space()?;
    let gflops = |architecture: &Architecture| flops(architecture, &dimensions).mean / 1e9;
    let plan = spread(&space, &gflops, config.seed, samples);
    if plan.len() < samples {
        tracing::warn!("the space has only {} architectures to measure", plan.len());
    }
    atomic::check_replaceable(out)?;
    let _lock = Lock::of(out)?;
    let mut file = open(out, &plan, conditions(config, &dimensions, device_name))?;
    let mut collected = Collected { rows: file.rows(), measured: 0, noisy: 0, drift: None };
    if file.rows() >= plan.len() {
        return Ok(collected);
    }
    let models = RandomModels::new(config, vocabularies, &space.supernet(), device)?;
    let reference = models.model(&middle(&space, &gflops, config.seed))?;
    let bench = Bench { length: dimensions.sentence_length, beam: config.translate.beam, precision, reference };
    let interruptible = Interruptible::begin();
    // What cannot be written is found out before the measuring.
    atomic::write(out, file.text().as_bytes())?;
    let bar = Progress::bar(plan.len() as u64, "architectures", "measuring").resumed_at(file.rows() as u64);
    let mut references = Vec::new();
    for block in plan[file.rows()..].chunks(BLOCK) {
        let cut = block.iter().map(|architecture| models.model(architecture)).collect::<Result<Vec<_>>>()?;
        let (measured, reference_ms) = bench.measure(&cut);
        for (architecture, (undisturbed, latency)) in block.iter().zip(measured) {
            let noisy = !undisturbed.is_within(precision);
            collected.noisy += usize::from(noisy);
            let gflops = gflops(architecture);
            file.push(&CollectedRow { architecture, undisturbed, latency, noisy, reference_ms, gflops });
        }
        references.push(reference_ms);
        atomic::write(out, file.text().as_bytes())?;
        collected.measured += block.len();
        bar.inc(block.len() as u64);
        if interruptible.was_interrupted() && file.rows() < plan.len() {
            return Err(Error::Interrupted(format!(
                "measuring: interrupted; {} of {} rows are in {}, and the same command goes on from there",
                file.rows(),
                plan.len(),
                out.display()
            )));
        }
    }
    collected.rows = file.rows();
    let fastest = references.iter().copied().fold(f64::INFINITY, f64::min);
    collected.drift = Some(references.iter().copied().fold(0.0, f64::max) / fastest);
    Ok(collected)
}

/// What `config` measures latency with on the device `device_name`.
pub(super) fn conditions(config: &Config, dimensions: &Dimensions, device_name: &str) -> Conditions {
    Conditions {
        device: device_name.to_owned(),
        threads: rayon::current_num_threads(),
        sentence_length: dimensions.sentence_length,
        beam: config.translate.beam,
        vocab_size: dimensions.vocab_size,
        qkv_dim: dimensions.qkv_dim,
        compute_type: config.translate.precision,
    }
}

/// Held while rows are collected into a file: two processes would overwrite each other's, and disturb each other's times.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn of(out: &Path) -> Result<Self> {
        let mut name = OsString::from(".");
        name.push(out.file_name().ok_or_else(|| Error::input("expected the name of a file").at(out.display()))?);
        name.push(".lock");
        let path = out.with_file_name(name);
        let file = lock(&path).map_err(|why| match why {
            LockError::Held(holder) => {
                Error::input(format!("{holder} collects into {}; wait for it, or give another --out", out.display()))
            }
            LockError::Fault(error) => Error::path(error).at(format!("cannot write {}", out.display())),
        })?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn open(out: &Path, plan: &[Architecture], conditions: Conditions) -> Result<CollectedFile> {
    match read_text(out, MAX_BYTES) {
        Ok(text) => CollectedFile::resume(&out.display().to_string(), &text, plan, conditions),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(CollectedFile::new(conditions)),
        Err(error) => Err(Error::input(error).at(out.display())),
    }
}

/// The architecture that is measured along with all others: one of the first planned, with middling FLOPs.
fn middle(space: &Space, gflops: &dyn Fn(&Architecture) -> f64, seed: u64) -> Architecture {
    let ends = [space.smallest(), space.largest()];
    let target = ends.iter().map(gflops).sum::<f64>() / 2.0;
    let distance = |architecture: &Architecture| (gflops(architecture) - target).abs();
    let first = spread(space, gflops, seed, CANDIDATES);
    let nearest = first.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.unwrap_or_else(|| space.smallest())
}

/// Measures a few models in turns, and the reference along with them.
struct Bench {
    length: usize,
    beam: usize,
    precision: f64,
    reference: Transformer,
}

impl Bench {
    /// The latency of each model, and the milliseconds that the reference took among them.
    fn measure(&self, models: &[Transformer]) -> (Vec<(Undisturbed, Latency)>, f64) {
        let start = |model| Turns::new(Measurement::new(model, self.length, self.beam));
        let mut reference = start(&self.reference);
        let mut taking_turns: Vec<Turns> = models.iter().map(start).collect();
        for turn in 0..MOST_TURNS {
            let mut due: Vec<&mut Turns> = taking_turns.iter_mut().collect();
            if turn >= FEWEST_TURNS {
                due.retain(|turns| !turns.measurement.undisturbed().is_within(self.precision));
            }
            if due.is_empty() {
                break;
            }
            reference.take();
            due.into_iter().for_each(Turns::take);
        }
        let measured = taking_turns.iter().map(|turns| (turns.measurement.undisturbed(), turns.measurement.latency()));
        (measured.collect(), reference.measurement.undisturbed().total_ms())
    }
}

/// A model that is measured in turns.
struct Turns<'a> {
    measurement: Measurement<'a>,
    /// Passes of a turn.
    passes: usize,
}

impl<'a> Turns<'a> {
    /// Warms up and finds out how many passes fill a turn.
    fn new(measurement: Measurement<'a>) -> Self {
        let start = Instant::now();
        measurement.warm_up(WARM_UP);
        let pass = start.elapsed().as_secs_f64() / WARM_UP as f64;
        let passes = ((TURN.as_secs_f64() / pass) as usize).clamp(*TURN_PASSES.start(), *TURN_PASSES.end());
        Self { measurement, passes }
    }

    fn take(&mut self) {
        self.measurement.warm_up(1);
        for _ in 0..self.passes {
            self.measurement.pass();
        }
    }
}
