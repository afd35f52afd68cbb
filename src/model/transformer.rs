//! The encoder–decoder Transformer, dense or with experts. The supernet is the largest one; subnets are cut out of it.

use super::decoder::{Decoder, DecoderCache, Memory};
use super::dropout::DropoutRates;
use super::embedding::{Positions, embed, leading_columns, position_ids};
use super::encoder::Encoder;
use super::kernels;
use super::kernels::panels::Panels;
use super::pass::Pass;
use super::precision::Products;
use crate::space::{Architecture, Layer, Stack};
use crate::text::PAD;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Stands for minus infinity in masks: its exponential is exactly 0, on every device.
const MASKED: f32 = -1e9;

/// Which embedding tables a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tables {
    /// One for source, target and output projection.
    Shared,
    /// One for the source, one for the target and the output projection.
    Tied,
    /// One each.
    Separate,
}

/// Everything that fixes a Transformer's shape and dropout, its weights left aside.
#[derive(Debug, Clone, PartialEq)]
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
    /// Capacity of experts, see [`super::experts::MixtureOfExperts`]; 0: none.
    pub capacity_factor: f64,
}

/// What the modules of one stack need to know.
#[derive(Debug, Clone)]
pub(super) struct StackConfig {
    pub layers: Vec<Layer>,
    pub embed_dim: usize,
    /// `[MAX_POSITIONS + 2, embed]`
    pub positions: Tensor<2>,
    /// Width of the encoder outputs that cross-attention sees.
    pub memory_dim: usize,
    pub qkv_dim: usize,
    pub capacity_factor: f64,
}

impl TransformerConfig {
    /// The same model of another architecture.
    pub fn with_architecture(&self, architecture: &Architecture) -> Self {
        Self { architecture: architecture.clone(), ..self.clone() }
    }

    /// A Transformer whose parameters hold no values yet.
    pub(super) fn skeleton(&self, positions: &Positions) -> Transformer {
        let device = &positions.encoder.device();
        let Architecture { encoder, decoder } = &self.architecture;
        let table_dim = match self.tables {
            Tables::Shared => encoder.embed_dim.max(decoder.embed_dim),
            Tables::Tied | Tables::Separate => encoder.embed_dim,
        };
        let encoder_stack = self.stack(encoder, &positions.encoder);
        let decoder_stack = self.stack(decoder, &positions.decoder);
        Transformer {
            encoder: Encoder::new(self.source_vocab, table_dim, &encoder_stack, device),
            decoder: Decoder::new(self.target_vocab, self.tables, &decoder_stack, device),
            config: self.clone(),
            products: Products::SINGLE,
            projection: OnceLock::new(),
        }
    }

    fn stack(&self, stack: &Stack, positions: &Tensor<2>) -> StackConfig {
        StackConfig {
            layers: stack.layers.clone(),
            embed_dim: stack.embed_dim,
            positions: leading_columns(positions.clone(), stack.embed_dim),
            memory_dim: self.architecture.encoder.embed_dim,
            qkv_dim: self.qkv_dim,
            capacity_factor: self.capacity_factor,
        }
    }

    /// Rates of a stack of width `dim` cut from one of width `supernet_dim`. In the encoder the self-attention's output
    /// keeps the unscaled rate.
    fn rates(&self, dim: usize, supernet_dim: usize, encoder: bool) -> DropoutRates {
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

/// One encoder–decoder Transformer.
#[derive(Module, Debug)]
pub struct Transformer {
    /// The encoder.
    pub encoder: Encoder,
    /// The decoder.
    pub decoder: Decoder,
    #[module(skip)]
    pub(super) config: TransformerConfig,
    #[module(skip)]
    pub(super) products: Products,
    /// The projection's table for inference on the CPU, once it was asked for.
    #[module(skip)]
    projection: OnceLock<Panels>,
}

impl Transformer {
    /// What the model was built from.
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// The device the weights are on.
    pub fn device(&self) -> Device {
        self.encoder.sinusoids.device()
    }

    /// Decoder outputs before the projection, teacher-forced.
    ///
    /// # Shapes
    /// - source: ids `[batch, source]` row-major; previous: ids `[batch, target]` row-major
    /// - output: `[batch · target, decoder embed]`
    pub fn forward(&self, source: &[u32], previous: &[u32], batch: usize, pass: &mut Pass) -> Tensor<2> {
        let embedded = self.embed(self.tables(), source, previous, batch);
        self.forward_embedded(embedded, source, batch, pass)
    }

    /// What source and target tokens are looked up in: `[vocab, encoder embed]` and `[vocab, decoder embed]`.
    pub(super) fn tables(&self) -> [Tensor<2>; 2] {
        [self.source_table(), self.target_table()]
    }

    /// What enters both stacks: `[batch · source, encoder embed]` and `[batch · target, decoder embed]`.
    pub(super) fn embed(
        &self,
        [source_table, target_table]: [Tensor<2>; 2],
        source: &[u32],
        previous: &[u32],
        batch: usize,
    ) -> [Tensor<2>; 2] {
        let positions = position_ids(previous, previous.len() / batch);
        let target = embed(target_table, &self.decoder.sinusoids, previous, &positions);
        [self.embed_source(source_table, source, batch), target]
    }

    /// [`Transformer::forward`] of tokens that [`Transformer::embed`] embedded.
    pub(super) fn forward_embedded(
        &self,
        [embedded_source, embedded_target]: [Tensor<2>; 2],
        source: &[u32],
        batch: usize,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let memory = self.encode_embedded(embedded_source, source, batch, pass);
        let time = embedded_target.dims()[0] / batch;
        let causal = (time > 1).then(|| causal_mask(time, &self.device()));
        self.decoder.forward(embedded_target, &memory, causal, &self.decoder_rates(), pass)
    }

    /// Encoder outputs of a batch of left-padded sources, ids `[batch, source]` row-major.
    pub fn encode(&self, source: &[u32], batch: usize, pass: &mut Pass) -> Memory {
        self.encode_embedded(self.embed_source(self.source_table(), source, batch), source, batch, pass)
    }

    fn embed_source(&self, table: Tensor<2>, source: &[u32], batch: usize) -> Tensor<2> {
        embed(table, &self.encoder.sinusoids, source, &position_ids(source, source.len() / batch))
    }

    fn encode_embedded(&self, embedded: Tensor<2>, source: &[u32], batch: usize, pass: &mut Pass) -> Memory {
        let mask = source.contains(&PAD).then(|| padding_mask(source, batch, &self.device()));
        let rates = self.config.rates(self.encoder_dim(), self.config.encoder_supernet_dim, true);
        let keep = self.config.architecture.decoder.layers.iter();
        let keep = keep.filter_map(|layer| layer.cross_attention).map(|cross| cross.encoder_layers).max();
        let outputs = self.encoder.forward(embedded, batch, mask.clone(), keep.unwrap_or(1), &rates, pass);
        Memory { outputs, mask, batch }
    }

    /// The cache with which incremental decoding of `memory` starts.
    pub fn start(&self, memory: &Memory) -> DecoderCache {
        self.decoder.start(memory)
    }

    /// One step of incremental decoding: logits after `tokens`, the last token of each hypothesis, which stands at
    /// `position` (0 for the first).
    ///
    /// # Shapes
    /// - tokens: `[rows]`, equally many hypotheses of each sentence, those of a sentence adjoining
    /// - output: `[rows, vocab]`
    pub fn step(&self, tokens: &[u32], position: usize, cache: &mut DecoderCache, pass: &mut Pass) -> Tensor<2> {
        let positions = vec![PAD + 1 + position as u32; tokens.len()];
        let embedded = embed(self.target_table(), &self.decoder.sinusoids, tokens, &positions);
        let hidden = self.decoder.step(embedded, cache, pass);
        self.project(hidden)
    }

    /// Logits of decoder outputs.
    ///
    /// # Shapes
    /// - hidden: `[rows, decoder embed]`
    /// - output: `[rows, vocab]`
    pub fn project(&self, hidden: Tensor<2>) -> Tensor<2> {
        kernels::project(hidden, self.projection_table(), &self.projection)
    }

    /// The output projection's table, `[vocab, decoder embed]`.
    pub fn projection_table(&self) -> Tensor<2> {
        match &self.decoder.embed_out {
            Some(table) => table.val(),
            None => self.target_table(),
        }
    }

    fn source_table(&self) -> Tensor<2> {
        leading_columns(self.encoder.embed_tokens.val(), self.encoder_dim())
    }

    fn target_table(&self) -> Tensor<2> {
        match &self.decoder.embed_tokens {
            Some(table) => table.val(),
            None => leading_columns(self.encoder.embed_tokens.val(), self.config.architecture.decoder.embed_dim),
        }
    }

    fn encoder_dim(&self) -> usize {
        self.config.architecture.encoder.embed_dim
    }

    fn decoder_rates(&self) -> DropoutRates {
        let dim = self.config.architecture.decoder.embed_dim;
        self.config.rates(dim, self.config.decoder_supernet_dim, false)
    }
}

/// `[batch, 1, 1, time]`: masks padding keys.
fn padding_mask(tokens: &[u32], batch: usize, device: &Device) -> Tensor<4> {
    let time = tokens.len() / batch;
    let mask: Vec<f32> = tokens.iter().map(|&t| if t == PAD { MASKED } else { 0.0 }).collect();
    Tensor::from_data(TensorData::new(mask, [batch, 1, 1, time]), device)
}

/// `[1, 1, time, time]`: masks keys after the query.
fn causal_mask(time: usize, device: &Device) -> Tensor<4> {
    let mask: Vec<f32> = (0..time * time).map(|i| if i % time > i / time { MASKED } else { 0.0 }).collect();
    Tensor::from_data(TensorData::new(mask, [1, 1, time, time]), device)
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
