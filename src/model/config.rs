//! What fixes a Transformer's shape and dropout.

use crate::config::{ModelConfig, Tables};
use crate::space::{Architecture, Layer};
use serde::{Deserialize, Serialize};

/// Everything that fixes a Transformer's shape and dropout, its weights left aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    /// The shape.
    pub architecture: Architecture,
    /// Features of queries, keys and values.
    pub qkv_dim: usize,
    /// Entries of the source vocabulary.
    pub source_vocab: usize,
    /// Entries of the target vocabulary.
    pub target_vocab: usize,
    /// The embedding tables.
    pub tables: Tables,
    /// Encoder width of the supernet: positions are built for it, and dropout is scaled by it.
    pub encoder_supernet_dim: usize,
    /// Decoder width of the supernet.
    pub decoder_supernet_dim: usize,
    /// Dropout at the supernet's width.
    pub dropout: f64,
    /// Dropout of attention weights.
    pub attention_dropout: f64,
    /// Dropout after the feed-forward activation, at the supernet's width.
    pub activation_dropout: f64,
    /// Multiplies the rates inside experts.
    pub expert_dropout_ratio: f64,
    /// Capacity of experts, see [`MixtureOfExperts`](super::experts::MixtureOfExperts); 0: none.
    pub capacity_factor: f64,
}

/// What the modules of one stack need to know.
#[derive(Debug, Clone)]
pub(super) struct StackConfig {
    pub layers: Vec<Layer>,
    pub embed_dim: usize,
    /// Width of the encoder outputs that cross-attention sees.
    pub memory_dim: usize,
    pub qkv_dim: usize,
    pub capacity_factor: f64,
    /// Whether cross-attention's projections begin as one matrix.
    pub joined_projections: bool,
}

impl TransformerConfig {
    /// A model of `architecture` by itself with one vocabulary of `vocab` entries. The rest is as a config's `[model]` has it by
    /// default: one table, attentions of 512 features, the paper's dropout, no capacity.
    pub fn new(architecture: Architecture, vocab: usize) -> Self {
        let model = ModelConfig::default();
        Self {
            qkv_dim: model.qkv_dim,
            source_vocab: vocab,
            target_vocab: vocab,
            tables: model.tables(),
            encoder_supernet_dim: architecture.encoder.embed_dim,
            decoder_supernet_dim: architecture.decoder.embed_dim,
            dropout: model.dropout,
            attention_dropout: model.attention_dropout,
            activation_dropout: model.activation_dropout,
            expert_dropout_ratio: model.expert_dropout_ratio,
            capacity_factor: 0.0,
            architecture,
        }
    }

    /// The same model of another architecture.
    pub fn with_architecture(&self, architecture: &Architecture) -> Self {
        Self { architecture: architecture.clone(), ..self.clone() }
    }

    /// The same model as it translates and is evaluated.
    pub fn without_dropout(&self) -> Self {
        let (dropout, attention_dropout, activation_dropout) = (0.0, 0.0, 0.0);
        Self { dropout, attention_dropout, activation_dropout, expert_dropout_ratio: 1.0, ..self.clone() }
    }

    /// Rates of a stack of width `dim` cut from one of width `supernet_dim`. In the encoder the self-attention's output
    /// keeps the unscaled rate.
    pub(super) fn rates(&self, dim: usize, supernet_dim: usize, encoder: bool) -> DropoutRates {
        let scale = dim as f64 / supernet_dim as f64;
        let (sublayer, activation) = (self.dropout * scale, self.activation_dropout * scale);
        DropoutRates {
            sublayer,
            self_attention: if encoder { self.dropout } else { sublayer },
            attention_weights: self.attention_dropout,
            activation,
            expert_activation: (activation * self.expert_dropout_ratio).min(1.0),
            expert_sublayer: (sublayer * self.expert_dropout_ratio).min(1.0),
        }
    }
}

/// The rates of one stack, scaled to its width.
#[derive(Debug, Clone, Copy, Default)]
pub struct DropoutRates {
    /// After the embeddings and after each sublayer.
    pub sublayer: f64,
    /// After the encoder's self-attention: the unscaled rate (a peculiarity of the reference).
    pub self_attention: f64,
    /// On attention weights: unscaled.
    pub attention_weights: f64,
    /// After the activation of a dense feed-forward network.
    pub activation: f64,
    /// After the activation inside an expert.
    pub expert_activation: f64,
    /// After a mixture-of-experts sublayer.
    pub expert_sublayer: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_rates_by_width_by_hand() {
        let config = TransformerConfig {
            architecture: Architecture::dense(512, 1024, 8, 1, 1),
            qkv_dim: 512,
            source_vocab: 10,
            target_vocab: 10,
            tables: Tables::Shared,
            encoder_supernet_dim: 640,
            decoder_supernet_dim: 640,
            dropout: 0.3,
            attention_dropout: 0.1,
            activation_dropout: 0.2,
            expert_dropout_ratio: 4.0,
            capacity_factor: 0.0,
        };
        // p · d/D with d/D = 512/640 = 0.8; inside experts four times that, at most 1.
        let want =
            [("sublayer", 0.24), ("weights", 0.1), ("activation", 0.16), ("expert activation", 0.64), ("expert", 0.96)];
        for (encoder, self_attention) in [(true, 0.3), (false, 0.24)] {
            let rates = config.rates(512, 640, encoder);
            let got = [
                rates.sublayer,
                rates.attention_weights,
                rates.activation,
                rates.expert_activation,
                rates.expert_sublayer,
            ];
            for ((name, want), got) in want
                .into_iter()
                .chain([("self-attention", self_attention)])
                .zip(got.into_iter().chain([rates.self_attention]))
            {
                assert!((got - want).abs() < 1e-12, "{name}: {got}, expected {want}");
            }
        }
        assert_eq!(config.rates(640, 640, false).expert_sublayer, 1.0);
    }
}
