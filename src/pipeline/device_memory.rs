//! Whether a training fits into a graphics card's memory, counted before it starts.

use super::workspace::Workspace;
use crate::config::TrainConfig;
use crate::cost::memory::{Rectangle, batch_bytes, training_bytes};
use crate::cost::{Embeddings, parameters};
use crate::device;
use crate::error::{Error, Result};
use crate::model::TransformerConfig;
use crate::model::weights::WeightSharing;

/// What a training holds on the device that it computes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    /// Bytes of weights and both moments, and of the largest architecture's weights and gradients.
    pub weights: u64,
    /// About the bytes of the largest batch.
    pub batch: u64,
}

impl Held {
    /// By a training of `shape`, the weights shared by `sharing`, with batches of `max_tokens` of the longest sentences, which
    /// have so many subwords.
    pub fn new(shape: &TransformerConfig, sharing: &dyn WeightSharing, max_tokens: usize, longest: usize) -> Self {
        let longest = longest.clamp(1, max_tokens.max(1));
        let batch = Rectangle { sentences: max_tokens / longest, source_len: longest, target_len: longest };
        Self {
            weights: weights_bytes(shape, sharing),
            batch: batch_bytes(&shape.architecture, shape.qkv_dim, shape.target_vocab, batch),
        }
    }

    /// All of it.
    pub fn bytes(self) -> u64 {
        self.weights.saturating_add(self.batch)
    }

    /// The most tokens of a batch that `memory` bytes have room for, where this is what `max_tokens` hold; 0: none.
    fn most_tokens(self, max_tokens: usize, memory: u64) -> usize {
        let room = memory.saturating_sub(self.weights) as f64;
        (max_tokens as f64 * room / self.batch.max(1) as f64) as usize
    }

    /// Refuses what `memory` bytes, of the card that `device` names, have no room for.
    fn check(self, key: &str, max_tokens: usize, longest: usize, device: &str, memory: u64) -> Result<()> {
        if self.bytes() <= memory {
            return Ok(());
        }
        let most = self.most_tokens(max_tokens, memory);
        let [needed, weights, memory] = [self.bytes(), self.weights, memory].map(gigabytes);
        let what = match most >= longest {
            true => format!("{key} = {most} fits (update_freq makes up for it)"),
            false => format!(
                "with {weights} GB of weights, moments and gradients no batch fits: use a smaller model or --device cpu"
            ),
        };
        Err(Error::input(format!(
            "{key} = {max_tokens}: an update needs about {needed} GB, and --device {device} has {memory} GB; {what}"
        )))
    }
}

/// Bytes of the weights of `shape`, shared by `sharing`, and of what is held beside them while they are trained.
pub(super) fn weights_bytes(shape: &TransformerConfig, sharing: &dyn WeightSharing) -> u64 {
    let (architecture, qkv_dim) = (&shape.architecture, shape.qkv_dim);
    let (source_vocab, target_vocab) = (shape.source_vocab, shape.target_vocab);
    let embeddings = Embeddings { source_vocab, target_vocab, tables: shape.tables };
    let of_model = parameters(architecture, qkv_dim).total + embeddings.parameters(architecture);
    let all: u64 = sharing.parameters(shape).values().map(|shape| shape.iter().product::<usize>() as u64).sum();
    // What a rule of weight sharing has beyond a model: weights, both moments, gradients.
    training_bytes(architecture, architecture, qkv_dim, &embeddings) + 16 * (all - of_model)
}

/// Tells what a training of `shape` by `config`, the settings of `section`, holds on the graphics card; nothing on the CPU.
///
/// # Errors
/// It is more than the card has.
pub(super) fn check(
    workspace: &Workspace,
    section: &str,
    config: &TrainConfig,
    shape: &TransformerConfig,
    sharing: &dyn WeightSharing,
) -> Result<()> {
    let Some(card) = device::card(&workspace.device) else { return Ok(()) };
    let lengths = workspace.prepared.train.pairs().map(|(source, target)| source.len().max(target.len()));
    let longest = lengths.max().unwrap_or(1);
    let held = Held::new(shape, sharing, config.max_tokens, longest);
    let of = card.memory_bytes.map_or(String::new(), |bytes| format!(" of {} GB", gigabytes(bytes)));
    tracing::info!(
        "memory of {}: about {} GB{of}, {} of them weights, moments and gradients, {} a batch",
        card.name,
        gigabytes(held.bytes()),
        gigabytes(held.weights),
        gigabytes(held.batch),
    );
    let Some(memory) = card.memory_bytes else { return Ok(()) };
    held.check(&format!("{section}.max_tokens"), config.max_tokens, longest, &workspace.device_name, memory)
}

/// Bytes in units of 10⁹.
fn gigabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_answered_with_what_fits() {
        let held = Held { weights: 3_000_000_000, batch: 4_000_000_000 };
        let check = |memory: u64| held.check("train.max_tokens", 4096, 100, "gpu", memory * 1_000_000_000);
        assert!(check(7).is_ok());
        let message = check(5).unwrap_err();
        assert_eq!(message.exit_code(), 2);
        assert_eq!(
            message.to_string(),
            "train.max_tokens = 4096: an update needs about 7.00 GB, and --device gpu has 5.00 GB; train.max_tokens = 2048 fits \
             (update_freq makes up for it)"
        );
        let message = check(3).unwrap_err().to_string();
        assert!(message.contains("no batch fits") && message.lines().count() == 1, "{message}");
    }
}
