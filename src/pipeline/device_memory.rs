//! Whether a training fits into a graphics card's memory, counted before it starts.

use super::workspace::Workspace;
use crate::config::TrainConfig;
use crate::cost::memory::{LargestBatch, Trained, batch_bytes, training_bytes};
use crate::device;
use crate::error::{Error, Result};
use crate::model::TransformerConfig;
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::weights::{WeightSharing, elements};
use crate::text::Dataset;
use crate::train::{Job, Sampler};

/// What a training holds on the device that it computes on.
#[derive(Debug)]
pub(super) struct Held<'a> {
    /// Bytes of weights and moments, and of the largest architecture's weights and gradients.
    pub weights: u64,
    shape: &'a TransformerConfig,
    /// Subwords of the longest sentences, their ends included.
    longest: usize,
    taught: bool,
}

impl<'a> Held<'a> {
    /// By a training of `shape` with the settings `config`, the weights shared by `sharing`, whose longest sentences have so many
    /// subwords with their ends; `several` architectures are trained in an update, or one.
    pub fn new(
        shape: &'a TransformerConfig,
        sharing: &dyn WeightSharing,
        config: &TrainConfig,
        several: bool,
        longest: usize,
    ) -> Self {
        let trained = Trained {
            parameters: elements(&sharing.parameters(shape)) as u64,
            moved: elements(&sharing.parts(shape, &shape.architecture)) as u64,
            subnet: elements(&LeadingSlice.parameters(shape)) as u64,
            sums: config.update_freq > 1,
            several,
        };
        let taught = several && config.distillation > 0.0;
        Self { weights: training_bytes(trained), shape, longest, taught }
    }

    /// About the bytes of a batch of `max_tokens` of the longest sentences.
    fn batch(&self, max_tokens: usize) -> u64 {
        let batch = LargestBatch { tokens: max_tokens, length: self.longest.min(max_tokens), taught: self.taught };
        batch_bytes(&self.shape.architecture, self.shape.qkv_dim, self.shape.target_vocab, batch)
    }

    /// All of it, with batches of `max_tokens`.
    pub fn bytes(&self, max_tokens: usize) -> u64 {
        self.weights.saturating_add(self.batch(max_tokens))
    }

    /// The most tokens of a batch, of `max_tokens` at the most, that `memory` bytes have room for; `None`: not those of a sentence.
    fn most_tokens(&self, max_tokens: usize, memory: u64) -> Option<usize> {
        let [mut fits, mut too_many] = [self.longest, max_tokens];
        if self.bytes(fits) > memory {
            return None;
        }
        while too_many - fits > 1 {
            let middle = fits + (too_many - fits) / 2;
            *if self.bytes(middle) <= memory { &mut fits } else { &mut too_many } = middle;
        }
        Some(fits)
    }

    /// Refuses what `memory` bytes, of the card that `device` names, have no room for.
    fn check(&self, key: &str, max_tokens: usize, device: &str, memory: u64) -> Result<()> {
        if self.bytes(max_tokens) <= memory {
            return Ok(());
        }
        let [needed, weights, has] = [self.bytes(max_tokens), self.weights, memory].map(gigabytes);
        let what = match self.most_tokens(max_tokens, memory) {
            Some(most) => format!("{key} = {most} fits (update_freq makes up for it)"),
            None => format!(
                "with {weights} GB of weights, moments and gradients no batch fits: use a smaller model or --device cpu"
            ),
        };
        Err(Error::input(format!(
            "{key} = {max_tokens}: an update needs about {needed} GB, and --device {device} has {has} GB; {what}"
        )))
    }
}

/// Tells what the training `job` of `shape` holds on the graphics card; nothing on the CPU.
///
/// # Errors
/// It is more than the card has.
pub(super) fn check(workspace: &Workspace, job: &Job, shape: &TransformerConfig) -> Result<()> {
    let Some(card) = device::card(&workspace.device) else { return Ok(()) };
    let max_tokens = job.config.max_tokens;
    let several = matches!(job.sampler, Sampler::Sandwich(..));
    let held = Held::new(shape, &*job.sharing, job.config, several, longest(job.train));
    let of = card.memory_bytes.map_or(String::new(), |bytes| format!(" of {} GB", gigabytes(bytes)));
    tracing::info!(
        "memory of {}: about {} GB{of}, {} of them weights, moments and gradients, {} a batch",
        card.name,
        gigabytes(held.bytes(max_tokens)),
        gigabytes(held.weights),
        gigabytes(held.batch(max_tokens)),
    );
    let Some(memory) = card.memory_bytes else { return Ok(()) };
    held.check(&format!("{}.max_tokens", job.section), max_tokens, &workspace.device_name, memory)
}

/// Subwords of the longest sentence of either language, its end included: as batches count them.
fn longest(pairs: &Dataset) -> usize {
    (0..pairs.len()).map(|pair| pairs.source(pair).len().max(pairs.target(pair).len())).max().unwrap_or(1)
}

/// Bytes in units of 10⁹.
fn gigabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::workspace::transformer_config;
    use super::*;
    use crate::config::{AdaptConfig, Config};
    use crate::model::weights::rules::of_adapted;

    #[test]
    fn too_much_is_answered_with_what_fits() {
        let config = Config::load("toy").unwrap();
        let largest = config.space().unwrap().supernet();
        let shape = transformer_config(&config, 1000, 1000, largest.clone(), &largest);
        let held = Held::new(&shape, &LeadingSlice, &config.train, false, 100);
        let refused = |memory: u64| held.check("train.max_tokens", 4096, "gpu", memory).err();
        assert!(refused(held.bytes(4096)).is_none());
        let message = refused(held.bytes(4096) - 1).unwrap();
        assert_eq!(message.exit_code(), 2);
        let told = message.to_string();
        assert!(told.starts_with("train.max_tokens = 4096: an update needs about 0."), "{told}");
        assert!(told.ends_with("; train.max_tokens = 4095 fits (update_freq makes up for it)"), "{told}");
        let told = refused(held.weights).unwrap().to_string();
        assert!(told.contains("no batch fits") && told.lines().count() == 1, "{told}");
    }

    #[test]
    fn what_is_adapted_has_no_moments_of_its_base() {
        let config = Config::load("toy").unwrap();
        let largest = config.space().unwrap().supernet();
        let shape = transformer_config(&config, 1000, 1000, largest.clone(), &largest);
        let adapted =
            of_adapted(&config.train, &AdaptConfig { rank: 1, experts: 1, ..AdaptConfig::default() }).unwrap();
        let [alone, adapted] = [&LeadingSlice, &*adapted as &dyn WeightSharing]
            .map(|sharing| Held::new(&shape, sharing, &config.train, false, 100).weights);
        assert!(adapted < alone, "{adapted} {alone}");
        let config = TrainConfig { update_freq: 4, ..config.train };
        assert_eq!(Held::new(&shape, &LeadingSlice, &config, false, 100).weights, alone / 5 * 6);
    }

    #[test]
    fn the_longest_sentence_is_counted_with_its_end() {
        let mut pairs = Dataset::default();
        pairs.push(&[9; 3], &[9; 4]);
        pairs.push(&[9; 7], &[9; 2]);
        assert_eq!(longest(&pairs), 8);
    }
}
