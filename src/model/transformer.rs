//! The encoder–decoder Transformer, dense or with experts. The supernet is the largest one; subnets are cut out of it.

use super::config::{DropoutRates, StackConfig, TransformerConfig};
use super::decoder::{Decoder, DecoderCache, Memory};
use super::embedding::{Positions, leading_columns, position_ids};
use super::encoder::Encoder;
use super::pass::Pass;
use super::precision::Products;
use super::weights::declare::Declare;
use crate::config::Tables;
use crate::kernels::Panels;
use crate::kernels::operators::{embed, project};
use crate::space::{Architecture, Stack};
use crate::text::PAD;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::OnceLock;

/// Stands for minus infinity in masks: its exponential is exactly 0, on every device.
const MASKED: f32 = -1e9;

impl TransformerConfig {
    /// A Transformer whose parameters hold no values yet.
    pub(super) fn skeleton(&self, positions: &Positions, declare: &Declare) -> Transformer {
        let Architecture { encoder, decoder } = &self.architecture;
        let table_dim = match self.tables {
            Tables::Shared => encoder.embed_dim.max(decoder.embed_dim),
            Tables::Tied | Tables::Separate => encoder.embed_dim,
        };
        let encoder_stack = self.stack(encoder);
        let decoder_stack = self.stack(decoder);
        Transformer {
            encoder: Encoder::new(self.source_vocab, table_dim, &encoder_stack, declare),
            decoder: Decoder::new(self.target_vocab, self.tables, &decoder_stack, declare),
            source_positions: leading_columns(positions.encoder.clone(), encoder.embed_dim),
            target_positions: leading_columns(positions.decoder.clone(), decoder.embed_dim),
            config: self.clone(),
            products: Products::SINGLE,
            projection: OnceLock::new(),
        }
    }

    fn stack(&self, stack: &Stack) -> StackConfig {
        StackConfig {
            layers: stack.layers.clone(),
            embed_dim: stack.embed_dim,
            memory_dim: self.architecture.encoder.embed_dim,
            qkv_dim: self.qkv_dim,
            capacity_factor: self.capacity_factor,
            joined_projections: self.encoder_supernet_dim == self.decoder_supernet_dim,
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
    /// Positions of source tokens, `[MAX_POSITIONS + 2, encoder embed]`: a constant.
    source_positions: Tensor<2>,
    /// Those of target tokens, `[MAX_POSITIONS + 2, decoder embed]`.
    target_positions: Tensor<2>,
    #[module(skip)]
    pub(super) config: TransformerConfig,
    #[module(skip)]
    pub(super) products: Products,
    /// The projection's table for inference on the CPU, once it was asked for.
    #[module(skip)]
    pub(super) projection: OnceLock<Panels>,
}

impl Transformer {
    /// What the model was built from.
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// The device the weights are on.
    pub fn device(&self) -> Device {
        self.source_positions.device()
    }

    /// Decoder outputs before the projection, teacher-forced.
    ///
    /// # Shapes
    /// - source: ids `[batch, source]` row-major; previous: ids `[batch, target]` row-major
    /// - output: `[batch · target, decoder embed]`
    pub fn forward(&self, source: &[u32], previous: &[u32], batch: usize, pass: &mut Pass) -> Tensor<2> {
        let embedded = self.embed(self.tables(), source, previous, batch);
        self.forward_embedded(embedded, [source, previous], batch, pass)
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
        let target = embed(target_table, &self.target_positions, previous, &positions);
        [self.embed_source(source_table, source, batch), target]
    }

    /// [`Transformer::forward`] of tokens that [`Transformer::embed`] embedded.
    pub(super) fn forward_embedded(
        &self,
        [embedded_source, embedded_target]: [Tensor<2>; 2],
        [source, previous]: [&[u32]; 2],
        batch: usize,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let memory = self.encode_embedded(embedded_source, source, batch, pass);
        let time = embedded_target.dims()[0] / batch;
        let causal = (time > 1).then(|| causal_mask(time, &self.device()));
        pass.enter(previous, &self.device());
        self.decoder.forward(embedded_target, &memory, causal, &self.decoder_rates(), pass)
    }

    /// Encoder outputs of a batch of left-padded sources, ids `[batch, source]` row-major.
    pub fn encode(&self, source: &[u32], batch: usize, pass: &mut Pass) -> Memory {
        self.encode_embedded(self.embed_source(self.source_table(), source, batch), source, batch, pass)
    }

    fn embed_source(&self, table: Tensor<2>, source: &[u32], batch: usize) -> Tensor<2> {
        embed(table, &self.source_positions, source, &position_ids(source, source.len() / batch))
    }

    fn encode_embedded(&self, embedded: Tensor<2>, source: &[u32], batch: usize, pass: &mut Pass) -> Memory {
        let mask = source.contains(&PAD).then(|| padding_mask(source, batch, &self.device()));
        let rates = self.config.rates(self.encoder_dim(), self.config.encoder_supernet_dim, true);
        let keep = self.config.architecture.decoder.layers.iter();
        let keep = keep.filter_map(|layer| layer.cross_attention).map(|cross| cross.encoder_layers).max();
        pass.enter(source, &self.device());
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
        let embedded = embed(self.target_table(), &self.target_positions, tokens, &positions);
        pass.enter(tokens, &self.device());
        let hidden = self.decoder.step(embedded, cache, pass);
        self.project(hidden)
    }

    /// Logits of decoder outputs.
    ///
    /// # Shapes
    /// - hidden: `[rows, decoder embed]`
    /// - output: `[rows, vocab]`
    pub fn project(&self, hidden: Tensor<2>) -> Tensor<2> {
        project(hidden, self.projection_table(), self.products.dtype, &self.projection)
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
