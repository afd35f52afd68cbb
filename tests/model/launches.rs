//! What an update asks of a graphics device.

use super::{architecture, batch, config, experts};
use crate::devices::vulkan;
use automoe::config::{Tables, TrainConfig};
use automoe::device;
use automoe::model::Supernet;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::train::Trainer;
use burn::tensor::Device;
use cubecl::logging::{LaunchObservation, LaunchObserver};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};

/// Counts the launches of one thread: other tests launch, too.
struct Launches {
    thread: ThreadId,
    count: AtomicU64,
}

impl LaunchObserver for Launches {
    fn launched(&self, _kernel: &'static str) {
        if thread::current().id() == self.thread {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Launches and synchronisations of the second update of a layer with experts of the FFN widths `ffn_dims`.
fn of_update(ffn_dims: &[usize], device: &Device) -> (u64, u64) {
    let config = config(architecture(8, 8, experts(ffn_dims, 1)), Tables::Shared);
    let own = [config.architecture.clone()];
    let settings = TrainConfig { encoder_load_balance: 0.1, decoder_load_balance: 0.1, ..TrainConfig::default() };
    let mut trainer = Trainer::new(Supernet::init(config, Arc::new(LeadingSlice), 1, device), &settings, 1);
    trainer.update(&own, &[batch()], 0).unwrap();
    let launches = Arc::new(Launches { thread: thread::current().id(), count: AtomicU64::new(0) });
    let reads = device::reads();
    let observation = LaunchObservation::new(launches.clone());
    trainer.update(&own, &[batch()], 1).unwrap();
    drop(observation);
    (launches.count.load(Ordering::Relaxed), device::reads() - reads)
}

#[test]
fn more_experts_need_no_more_launches_and_an_update_waits_once() {
    let Some(device) = vulkan("launches on vulkan") else { return };
    let (few, reads) = of_update(&[12, 12], &device);
    println!("launches on vulkan: {few} an update");
    // Two layers in either stack, the load-balance losses among their launches.
    assert!((1..=270).contains(&few), "{few} launches");
    assert_eq!(reads, 1);
    assert_eq!(of_update(&[12; 16], &device), (few, 1));
    assert_eq!(of_update(&[12, 0, 6, 12, 3, 12], &device), (few, 1));
    // Nothing to update in identity experts.
    let (fewer, reads) = of_update(&[0, 0], &device);
    assert!(fewer < few && reads == 1, "{fewer} launches, {reads} synchronisations");
}
