//! Measures functions and prints results. criterion and divan report statistics of their own; scripts here want one JSON
//! line a result with its limit beside it, hence these few lines.

use crate::models::{product, random};
pub use crate::work::Work;
use automoe::config::Precision;
use automoe::model::precision::resolve;
use burn::tensor::Device;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Precisions of training.
pub const TRAINING: [Precision; 2] = [Precision::Float32, Precision::Bfloat16];
/// Precisions of inference.
pub const INFERENCE: [Precision; 3] = [Precision::Float32, Precision::Bfloat16, Precision::Int8];

/// What one run of the benches was asked for, and the machine's speeds for each number of threads.
pub struct Bench {
    quick: bool,
    device: Option<String>,
    filter: Option<String>,
    machines: Vec<Machine>,
}

/// What the machine can do with a number of threads.
struct Machine {
    threads: usize,
    pool: rayon::ThreadPool,
    /// For each precision that it has instructions for.
    flops_per_second: Vec<(Precision, f64)>,
    bytes_per_second: f64,
}

impl Bench {
    /// Reads `--quick`, `--device=NAME` and a filter; what cargo itself passes (`--bench`) is left aside.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Self {
        let (options, filters): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument.starts_with("--"));
        let quick = options.iter().any(|option| option == "--quick");
        let device = options.iter().find_map(|option| option.strip_prefix("--device=")).map(str::to_owned);
        Self { quick, device, filter: filters.into_iter().next(), machines: Vec::new() }
    }

    /// Whether little time is to be spent.
    pub fn quick(&self) -> bool {
        self.quick
    }

    /// The graphics device that is to be measured.
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or("gpu")
    }

    /// Whether the filter begins with `what`.
    pub fn asks_for(&self, what: &str) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.starts_with(what))
    }

    /// Measures what the machine can do; everything that follows is compared with it.
    pub fn measure_machine(&mut self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let machines = [1, 2].into_iter().filter(|&threads| threads <= cores);
        self.machines = machines.map(|threads| Machine::new(threads, self.quick)).collect();
    }

    /// Whether `name` (without its threads) was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }

    /// Measures `run` with each number of threads and prints a line for each.
    pub fn measure<T>(&self, name: &str, work: Work, mut run: impl FnMut() -> T + Send) {
        if !self.wants(name) {
            return;
        }
        for machine in &self.machines {
            let seconds = machine.pool.install(|| best_time(self.quick, &mut run));
            println!("{}", machine.line(name, work, seconds, machine.speed(Precision::Float32).expect("all have it")));
        }
    }

    /// Measures what `make` makes for each of `precisions` that the machine has instructions for, with each number of threads;
    /// names carry the precision, and results stand beside that in single precision, the first one.
    pub fn measure_precisions<T, R: FnMut() -> T + Send>(
        &self,
        name: &str,
        work: Work,
        precisions: &[Precision],
        make: impl Fn(Precision) -> R,
    ) {
        let mut in_float32 = Vec::new();
        for &precision in precisions {
            let name = format!("{name}/{precision}");
            if !self.wants(&name) {
                continue;
            }
            let mut run = None;
            for (index, machine) in self.machines.iter().enumerate() {
                let Some(flops_per_second) = machine.speed(precision) else { continue };
                let run = run.get_or_insert_with(|| make(precision));
                let seconds = machine.pool.install(|| best_time(self.quick, run));
                let mut line = machine.line(name.as_str(), work, seconds, flops_per_second);
                match (precision, in_float32.get(index)) {
                    (Precision::Float32, _) => in_float32.push(seconds),
                    (_, Some(single)) => line["ratio_to_float32"] = json!(round(seconds / single)),
                    (_, None) => {}
                }
                println!("{line}");
            }
        }
    }
}

impl Machine {
    fn new(threads: usize, quick: bool) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        let mut flops_per_second = vec![(Precision::Float32, pool.install(|| product_speed(quick)))];
        for precision in [Precision::Bfloat16, Precision::Int8] {
            if resolve("translate.precision", precision, &Device::flex()).is_ok() {
                flops_per_second.push((precision, pool.install(|| packed_speed(quick, precision))));
            }
        }
        let bytes_per_second = pool.install(|| copy_speed(quick));
        let mut line =
            json!({ "name": format!("machine/threads-{threads}"), "bytes_per_second": bytes_per_second.round() });
        for (precision, speed) in &flops_per_second {
            line[format!("{precision}_flops_per_second")] = json!(speed.round());
        }
        println!("{line}");
        Self { threads, pool, flops_per_second, bytes_per_second }
    }

    /// FLOPs a second in `precision`, where it has instructions for it.
    fn speed(&self, precision: Precision) -> Option<f64> {
        self.flops_per_second.iter().find(|(of, _)| *of == precision).map(|(_, speed)| *speed)
    }

    fn line(&self, name: &str, work: Work, seconds: f64, flops_per_second: f64) -> Value {
        let limit = work.flops / flops_per_second + work.bytes / self.bytes_per_second;
        let limited = limit > 0.0;
        json!({
            "name": format!("{name}/threads-{}", self.threads),
            "seconds": round(seconds),
            "flops": work.flops,
            "bytes": work.bytes,
            "limit_seconds": limited.then(|| round(limit)),
            "ratio_to_limit": limited.then(|| round(seconds / limit)),
        })
    }
}

/// FLOPs a second of a 2048³ product in `precision`, of a weight that is packed already.
fn packed_speed(quick: bool, precision: Precision) -> f64 {
    const N: usize = 2048;
    let [x, weight] = [1, 2].map(|seed| random([N, N], seed));
    let seconds = best_time(quick, &mut product(x, weight, precision));
    2.0 * (N as f64).powi(3) / seconds
}

/// FLOPs a second of a 2048³ product, as the library that products are made with computes it.
fn product_speed(quick: bool) -> f64 {
    const N: usize = 2048;
    let factor = vec![0.5f32; N * N];
    let mut product = vec![0.0f32; N * N];
    let (down, right) = (N as isize, 1);
    let seconds = best_time(quick, &mut || {
        let (out, factor, threads) = (product.as_mut_ptr(), factor.as_ptr(), gemm::Parallelism::Rayon(0));
        // SAFETY: all three matrices are N × N, row-major.
        unsafe {
            gemm::gemm(
                N, N, N, out, right, down, false, factor, right, down, factor, right, down, 0.0, 1.0, false, false,
                false, threads,
            );
        }
    });
    2.0 * (N as f64).powi(3) / seconds
}

/// Bytes a second of a large copy, what is read and what is written counted.
fn copy_speed(quick: bool) -> f64 {
    use rayon::prelude::*;
    const FLOATS: usize = 64 << 20;
    let source = vec![1.0f32; FLOATS];
    let mut target = vec![0.0f32; FLOATS];
    let piece = FLOATS.div_ceil(rayon::current_num_threads());
    let seconds = best_time(quick, &mut || {
        let pieces = target.par_chunks_mut(piece).zip(source.par_chunks(piece));
        pieces.for_each(|(target, source)| target.copy_from_slice(source));
    });
    8.0 * FLOATS as f64 / seconds
}

/// The least time of several runs, in seconds.
pub fn best_time<T>(quick: bool, run: &mut impl FnMut() -> T) -> f64 {
    let (budget, least) = if quick { (Duration::from_millis(500), 3) } else { (Duration::from_secs(4), 5) };
    black_box(run());
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < least || begin.elapsed() < budget {
        let start = Instant::now();
        black_box(run());
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Four significant digits.
pub fn round(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
