//! Kernel launches, in all and by kernel, and synchronisations of an update on a graphics device.

use crate::harness::Bench;
use crate::models::{Size, batch};
use automoe::config::TrainConfig;
use automoe::device;
use automoe::model::Supernet;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::train::Trainer;
use cubecl::logging::{LaunchObservation, LaunchObserver};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Counts the launches of the whole process, by kernel.
#[derive(Default)]
struct Launches(Mutex<BTreeMap<&'static str, u64>>);

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        // Without its module and its type arguments.
        let name = kernel.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(kernel);
        *self.0.lock().expect("counting does not panic").entry(name).or_default() += 1;
    }
}

pub fn run(bench: &Bench) {
    for experts in [0, 2, 6, 16] {
        let size = Size { width: 64, layers: 2, experts };
        let name = format!("launches/{}", size.name());
        if !bench.wants(&name) {
            continue;
        }
        match device::parse("gpu") {
            Ok(device) => {
                println!("{}", count(&name, Supernet::init(size.config(), Arc::new(LeadingSlice), 1, &device)))
            }
            Err(error) => println!("{}", json!({"name": name, "skipped": error.to_string()})),
        }
    }
}

fn count(name: &str, supernet: Supernet) -> serde_json::Value {
    let architecture = supernet.config.architecture.clone();
    let mut trainer = Trainer::new(supernet, &TrainConfig::default(), 1);
    let batches = [batch()];
    let mut update = |done| {
        trainer
            .update(std::slice::from_ref(&architecture), &batches, done)
            .expect("the architecture is the supernet's own");
    };
    // The first update makes the moments and chooses kernels.
    update(0);
    let launches = Arc::new(Launches::default());
    let reads = device::reads();
    let observation = LaunchObservation::new(launches.clone());
    update(1);
    drop(observation);
    let kernels = launches.0.lock().expect("counting does not panic").clone();
    let launches = kernels.values().sum::<u64>();
    json!({"name": name, "launches": launches, "synchronisations": device::reads() - reads, "kernels": kernels})
}
