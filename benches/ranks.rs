//! Updates by several processes: `mpirun -n 2 cargo bench --features mpi -- ranks`, beside the same with one.

use crate::harness::Bench;
use crate::models::{Size, batch};
use crate::training::SIZES;
use automoe::config::TrainConfig;
use automoe::model::Supernet;
use automoe::model::weights::rules::of_config;
use automoe::text::Batch;
use automoe::train::{Together, Trainer};
use automoe::world::{self, World};
use burn::tensor::Device;
use serde_json::json;
use std::time::Instant;

/// Micro-batches of an update.
const MICRO_BATCHES: usize = 4;
/// Updates that are timed, after one that is not.
const UPDATES: usize = 8;

/// Whether this is one of several processes, which measure nothing else.
pub fn run(bench: &Bench) -> bool {
    let world = world::join().expect("a build with the feature mpi, or one process");
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = world.place().threads().unwrap_or_else(cores);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
    for (width, layers) in SIZES {
        let size = Size { width, layers, experts: 2 };
        let name = format!("ranks/{}/ranks-{}/threads-{threads}", size.name(), world.size());
        if bench.wants(&name) {
            pool.install(|| updates(world, &name, size));
        }
    }
    world.size() > 1
}

fn updates(world: &dyn World, name: &str, size: Size) {
    let config = TrainConfig::default();
    let sharing = of_config(&config).expect("a rule of the catalog");
    let mut trainer = Trainer::new(Supernet::init(size.config(), sharing, 1, &Device::flex()), &config, 1);
    let batches: Vec<Batch> = (0..MICRO_BATCHES / world.size()).map(|_| batch()).collect();
    let architectures = [size.config().architecture];
    let mut update = |done| {
        let report = trainer.update_with(world, &architectures, &batches, done);
        report.expect("the architecture is the supernet's own").together
    };
    update(0);
    let (start, mut together) = (Instant::now(), Together::default());
    (1..=UPDATES).for_each(|done| together.add(update(done)));
    let a_time = |seconds: f64| seconds / UPDATES as f64;
    let seconds = a_time(start.elapsed().as_secs_f64());
    let [wait, reduce] = [together.waiting, together.reducing].map(|time| a_time(time.as_secs_f64()));
    if world.rank() == 0 {
        let computation = seconds - wait - reduce;
        println!(
            "{}",
            json!({"name": name, "seconds": seconds, "compute_seconds": computation, "wait_seconds": wait, "reduce_seconds": reduce})
        );
    }
}
