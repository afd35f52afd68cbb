//! What an update asks of a graphics device: launches, synchronisations and memory.

use super::{architecture, batch, config, experts};
use crate::devices::vulkan;
use automoe::config::{Tables, TrainConfig};
use automoe::cost::memory::{LargestBatch, Trained, batch_bytes, training_bytes};
use automoe::device;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::weights::{WeightSharing, elements};
use automoe::model::{Supernet, TransformerConfig};
use automoe::text::{Dataset, collate};
use automoe::train::Trainer;
use burn::tensor::Device;
use cubecl::logging::{LaunchObservation, LaunchObserver};
use std::process::Command;
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

/// The variable that the test of memory is started with in a process of its own: others hold memory of the same device.
const IN_OWN_PROCESS: &str = "AUTOMOE_TEST_OF_MEMORY";

#[test]
fn the_memory_that_is_counted_is_about_what_an_update_reserves() {
    let name = "memory on vulkan";
    if std::env::var_os(IN_OWN_PROCESS).is_none() {
        if vulkan(name).is_some() {
            let test = "model::launches::the_memory_that_is_counted_is_about_what_an_update_reserves";
            let mut own = Command::new(std::env::current_exe().unwrap());
            let output = own.args(["--exact", test, "--nocapture"]).env(IN_OWN_PROCESS, "1").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            println!("{told}");
            // Not by its exit status: a driver may crash while a process ends that still has threads.
            assert!(told.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
        }
        return;
    }
    let device = vulkan(name).unwrap();
    let [vocab, width, sentences, length] = [10_000, 128, 64, 16];
    let config = TransformerConfig {
        qkv_dim: width,
        source_vocab: vocab,
        target_vocab: vocab,
        ..config(architecture(width, width, |layer| layer.ffn_embed_dim = 4 * width), Tables::Shared)
    };
    let mut pairs = Dataset::default();
    (0..sentences).for_each(|_| pairs.push(&vec![5; length - 1], &vec![5; length - 1]));
    let batch = collate(&pairs, &(0..sentences as u32).collect::<Vec<_>>());
    let weights = elements(&LeadingSlice.parameters(&config)) as u64;
    let trained = Trained { parameters: weights, moved: weights, subnet: weights, sums: false, several: false };
    let largest = LargestBatch { tokens: sentences * length, length, taught: false };
    let counted = training_bytes(trained) + batch_bytes(&config.architecture, width, vocab, largest);
    let own = [config.architecture.clone()];
    let mut trainer =
        Trainer::new(Supernet::init(config, Arc::new(LeadingSlice), 1, &device), &TrainConfig::default(), 1);
    trainer.update(&own, &[batch], 0).unwrap();
    let reserved = device::card(&device).unwrap().reserved_bytes;
    println!("memory of an update on vulkan: {counted} bytes counted, {reserved} reserved");
    let ratio = reserved as f64 / counted as f64;
    assert!((0.5..1.3).contains(&ratio), "{ratio}");
}
