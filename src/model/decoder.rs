//! The decoder: causal self-attention, attention over encoder outputs, feed-forward; whole sequences or step by step.

use super::attention::{CrossAttention, SelfAttention};
use super::config::{DropoutRates, StackConfig};
use super::encoder::{feed_forward, feed_forward_sublayer};
use super::experts::{FeedForward, MixtureOfExperts};
use super::linear::LayerNorm;
use super::pass::{LayerRouting, Pass};
use super::weights::declare::{Declare, Init};
use crate::config::Tables;
use crate::device::ids;
use crate::kernels::History;
use crate::kernels::operators::drop_out;
use crate::space::Layer;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// Tables of its own, and layers.
#[derive(Module, Debug)]
pub struct Decoder {
    /// `[vocab, embed]`; `None` where the encoder's table is shared.
    pub embed_tokens: Option<Param<Tensor<2>>>,
    /// The output projection `[vocab, embed]`; `None` where an embedding table serves.
    pub embed_out: Option<Param<Tensor<2>>>,
    /// The layers in use.
    pub layers: Vec<DecoderLayer>,
}

/// One decoder layer; a dropped sublayer is `None`.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    /// Causal self-attention.
    pub self_attn: Option<SelfAttention>,
    /// After self-attention.
    pub self_attn_layer_norm: Option<LayerNorm>,
    /// Attention over encoder outputs.
    pub cross_attn: Option<CrossAttention>,
    /// After cross-attention.
    pub cross_attn_layer_norm: Option<LayerNorm>,
    /// Dense feed-forward network.
    pub ffn: Option<FeedForward>,
    /// Mixture of experts, in place of `ffn`.
    pub moe: Option<MixtureOfExperts>,
    /// After the feed-forward sublayer.
    pub ffn_layer_norm: Option<LayerNorm>,
    /// Encoder layers that cross-attention sees: 1, 2 or 3.
    encoder_layers: usize,
}

/// The encoder's outputs as the decoder sees them, for one batch.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Outputs of the last encoder layers, last first, each `[batch · source, embed]`.
    pub(super) outputs: Vec<Tensor<2>>,
    /// Added to scores, `[batch, 1, 1, source]`; `None` where nothing is padding.
    pub(super) mask: Option<Tensor<4>>,
    /// Sentences.
    pub(super) batch: usize,
}

impl Memory {
    /// Waits until the device has computed it.
    pub fn wait(&self) {
        crate::device::to_host(self.outputs[0].clone());
    }

    /// The last `layers` outputs (as many as there are) concatenated along time: `[batch · layers · source, embed]`, and
    /// their mask.
    fn of_layers(&self, layers: usize) -> (Tensor<2>, Option<Tensor<4>>) {
        let layers = layers.min(self.outputs.len());
        if layers == 1 {
            return (self.outputs[0].clone(), self.mask.clone());
        }
        let [rows, dim] = self.outputs[0].dims();
        let source = rows / self.batch;
        let outputs = self.outputs[..layers].iter().map(|x| x.clone().reshape([self.batch, source, dim]));
        let joined = Tensor::cat(outputs.collect(), 1).reshape([rows * layers, dim]);
        (joined, self.mask.clone().map(|mask| mask.repeat_dim(3, layers)))
    }
}

/// Keys and values of incremental decoding.
#[derive(Debug, Clone)]
pub struct DecoderCache {
    layers: Vec<LayerCache>,
    /// Of each position so far, the row that each hypothesis descends from.
    ancestors: Vec<Vec<u32>>,
    /// Of the source.
    sentences: usize,
}

#[derive(Debug, Clone)]
struct LayerCache {
    /// Of the tokens so far, a row a hypothesis: sentences × beam.
    own: History,
    /// Of the source: keys and values `[sentences · source, 2 · qkv_dim]`, once a sentence and not once a beam, and their
    /// mask.
    cross: Option<(Tensor<2>, Option<Tensor<4>>)>,
}

impl DecoderCache {
    /// Keeps `rows` of the hypotheses, in that order; `sentences` likewise for the source side, where it changed.
    pub fn select(&mut self, rows: &[u32], sentences: Option<&[u32]>, device: &Device) {
        for position in &mut self.ancestors {
            *position = rows.iter().map(|&row| position[row as usize]).collect();
        }
        let rows = ids(rows, device);
        self.layers.iter_mut().for_each(|layer| layer.own.select(&rows));
        if let Some(kept) = sentences {
            let index = ids(kept, device);
            for (memory, mask) in self.layers.iter_mut().filter_map(|layer| layer.cross.as_mut()) {
                let [count, width] = memory.dims();
                let source = count / self.sentences;
                let by_sentence = memory.clone().reshape([self.sentences, source * width]).select(0, index.clone());
                *memory = by_sentence.reshape([kept.len() * source, width]);
                *mask = mask.clone().map(|mask| mask.select(0, index.clone()));
            }
            self.sentences = kept.len();
        }
    }
}

impl Decoder {
    pub(super) fn new(vocab: usize, tables: Tables, stack: &StackConfig, declare: &Declare) -> Self {
        let table = |looked_up| declare.parameter([vocab, stack.embed_dim], Init::Table { looked_up });
        Self {
            embed_tokens: (tables != Tables::Shared).then(|| table(true)),
            embed_out: (tables == Tables::Separate).then(|| table(false)),
            layers: stack.layers.iter().map(|layer| DecoderLayer::new(layer, stack, declare)).collect(),
        }
    }

    /// # Shapes
    /// - embedded, output: `[batch · target, embed]`
    /// - causal: `[1, 1, target, target]`, added to the scores
    pub(super) fn forward(
        &self,
        embedded: Tensor<2>,
        memory: &Memory,
        causal: Option<Tensor<4>>,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let mut x = drop_out(embedded, pass.mask(rates.sublayer));
        for (index, layer) in self.layers.iter().enumerate() {
            let (output, routing) = layer.forward(x, index, memory, causal.clone(), rates, pass);
            pass.decoder_routing.extend(routing);
            x = output;
        }
        x
    }

    /// The cache before the first step.
    pub(super) fn start(&self, memory: &Memory) -> DecoderCache {
        let layers = self.layers.iter().map(|layer| LayerCache {
            own: History::new(&memory.outputs[0].device()),
            cross: layer.cross_attn.as_ref().map(|attention| {
                let (encoded, mask) = memory.of_layers(layer.encoder_layers);
                (attention.memory(encoded), mask)
            }),
        });
        DecoderCache { layers: layers.collect(), ancestors: Vec::new(), sentences: memory.batch }
    }

    /// One position of every hypothesis.
    ///
    /// # Shapes
    /// - embedded, output: `[rows, embed]`, the rows of a sentence adjoining
    pub(super) fn step(&self, embedded: Tensor<2>, cache: &mut DecoderCache, pass: &mut Pass) -> Tensor<2> {
        let mut x = embedded;
        let DecoderCache { layers, ancestors, sentences } = cache;
        ancestors.push((0..x.dims()[0] as u32).collect());
        for (index, (layer, cache)) in self.layers.iter().zip(layers).enumerate() {
            let (output, routing) = layer.step(x, index, cache, (ancestors, *sentences), pass);
            pass.decoder_routing.extend(routing);
            x = output;
        }
        x
    }
}

impl DecoderLayer {
    fn new(layer: &Layer, stack: &StackConfig, declare: &Declare) -> Self {
        let (dim, qkv_dim) = (stack.embed_dim, stack.qkv_dim);
        let (ffn, moe) = feed_forward(layer, stack, declare);
        let attention = layer.keep_attention;
        let cross = layer.cross_attention.filter(|_| attention);
        Self {
            self_attn: attention.then(|| SelfAttention::new(dim, qkv_dim, layer.self_attention_heads, declare)),
            self_attn_layer_norm: attention.then(|| LayerNorm::new(dim, declare)),
            cross_attn: cross.map(|cross| {
                let widths = [dim, stack.memory_dim];
                CrossAttention::new(widths, qkv_dim, cross.heads, stack.joined_projections, declare)
            }),
            cross_attn_layer_norm: cross.map(|_| LayerNorm::new(dim, declare)),
            ffn,
            moe,
            ffn_layer_norm: layer.keep_ffn.then(|| LayerNorm::new(dim, declare)),
            encoder_layers: cross.map_or(1, |cross| cross.encoder_layers),
        }
    }

    fn forward(
        &self,
        mut x: Tensor<2>,
        index: usize,
        memory: &Memory,
        causal: Option<Tensor<4>>,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> (Tensor<2>, Option<LayerRouting>) {
        if let (Some(attention), Some(norm)) = (&self.self_attn, &self.self_attn_layer_norm) {
            let attended = attention.forward(x.clone(), memory.batch, causal, rates.attention_weights, pass);
            x = norm.of_sum(x, attended, rates.sublayer, pass);
        }
        if let (Some(attention), Some(norm)) = (&self.cross_attn, &self.cross_attn_layer_norm) {
            let (encoded, mask) = memory.of_layers(self.encoder_layers);
            let key_value = attention.memory(encoded);
            let dropout = rates.attention_weights;
            let attended = attention.forward(x.clone(), key_value, memory.batch, mask, dropout, pass);
            x = norm.of_sum(x, attended, rates.sublayer, pass);
        }
        feed_forward_sublayer(x, index, (&self.ffn, &self.moe, &self.ffn_layer_norm), rates, pass)
    }

    fn step(
        &self,
        mut x: Tensor<2>,
        index: usize,
        cache: &mut LayerCache,
        (ancestors, sentences): (&[Vec<u32>], usize),
        pass: &mut Pass,
    ) -> (Tensor<2>, Option<LayerRouting>) {
        let rates = DropoutRates::default();
        if let (Some(attention), Some(norm)) = (&self.self_attn, &self.self_attn_layer_norm) {
            let attended = attention.step(x.clone(), &mut cache.own, ancestors);
            x = norm.of_sum(x, attended, 0.0, pass);
        }
        if let (Some(attention), Some(norm), Some((memory, mask))) =
            (&self.cross_attn, &self.cross_attn_layer_norm, &cache.cross)
        {
            let attended = attention.step(x.clone(), memory.clone(), sentences, mask.clone());
            x = norm.of_sum(x, attended, 0.0, pass);
        }
        feed_forward_sublayer(x, index, (&self.ffn, &self.moe, &self.ffn_layer_norm), &rates, pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::kv_cache::kv_cache_bytes;
    use crate::cost::{Basis, Dimensions, Embeddings};
    use crate::model::{Transformer, TransformerConfig};
    use crate::space::{Architecture, CrossAttention};

    const VOCAB: usize = 20;
    const LENGTH: usize = 5;
    const BEAM: usize = 3;

    /// The cache after decoding a sentence as beam search does: from one hypothesis to [`BEAM`].
    fn decoded(model: &Transformer, joined: bool) -> DecoderCache {
        let mut pass = Pass::inference();
        let memory = model.encode(&[7; LENGTH], 1, &mut pass);
        let mut cache = model.start(&memory);
        if joined {
            cache.layers.iter_mut().for_each(|layer| layer.own = History::Joined(None));
        }
        for position in 0..LENGTH {
            let rows = if position == 0 { 1 } else { BEAM };
            model.step(&vec![9; rows], position, &mut cache, &mut pass);
            cache.select(&[0; BEAM], None, &model.device());
        }
        cache
    }

    fn bytes<const D: usize>(tensor: &Tensor<D>) -> usize {
        tensor.dims().iter().product::<usize>() * tensor.dtype().size()
    }

    /// Bytes of keys and values alone: on the CPU a position holds queries beside them.
    fn held(cache: &DecoderCache) -> usize {
        let of_layer = |layer: &LayerCache| {
            let own = match &layer.own {
                History::Positions(positions) => positions.iter().map(|position| bytes(position) / 3 * 2).sum(),
                History::Joined(joined) => joined.as_deref().map_or(0, bytes),
            };
            own + layer.cross.as_ref().map_or(0, |(memory, _)| bytes(memory))
        };
        cache.layers.iter().map(of_layer).sum()
    }

    #[test]
    fn the_cache_holds_the_keys_and_values_that_are_counted() {
        let mut model = Architecture::dense(16, 24, 2, 2, 3);
        model.decoder.layers[0].cross_attention = Some(CrossAttention { heads: 2, encoder_layers: 3 });
        model.decoder.layers[1].keep_attention = false;
        let device = Device::flex();
        for architecture in [Architecture::dense(16, 24, 2, 3, 2), model] {
            let attentions = architecture.decoder.layers.iter().filter(|layer| layer.keep_attention).count();
            let config = TransformerConfig::new(architecture, VOCAB);
            let basis = Basis {
                dimensions: Dimensions::new(config.qkv_dim, LENGTH, VOCAB).unwrap(),
                embeddings: Embeddings { source_vocab: VOCAB, target_vocab: VOCAB, tables: Tables::Shared },
                beam: BEAM,
            };
            let counted = kv_cache_bytes(&config.architecture, &basis) as usize;
            let transformer = config.init(1, &device);
            assert_eq!(held(&decoded(&transformer, true)), counted);
            // Position by position, the first one is of one hypothesis.
            let first = attentions * (BEAM - 1) * 2 * config.qkv_dim * 4;
            assert_eq!(held(&decoded(&transformer, false)), counted - first);
        }
    }
}
