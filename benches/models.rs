//! The models and batches that are measured: 64 sentences of 16 + 16 tokens, vocabulary 10 000, FFN 4 × width, 8 heads.

use crate::work::Work;
use automoe::config::{Precision, Tables};
use automoe::kernels::operators::{project, quantized};
use automoe::model::precision::Products;
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::{Supernet, Transformer, TransformerConfig};
use automoe::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use automoe::text::Batch;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use std::sync::{Arc, OnceLock};

/// Entries of the vocabulary.
pub const VOCAB: usize = 10_000;
/// Sentences of a batch.
pub const SENTENCES: usize = 64;
/// Tokens of a sentence, on either side.
pub const LENGTH: usize = 16;
const HEADS: usize = 8;

/// A model's size.
#[derive(Clone, Copy)]
pub struct Size {
    pub width: usize,
    /// Layers of either stack.
    pub layers: usize,
    /// Experts of every feed-forward sublayer; 0: dense.
    pub experts: usize,
}

impl Size {
    /// For example `512x6/experts-6`.
    pub fn name(self) -> String {
        match self.experts {
            0 => format!("{}x{}/dense", self.width, self.layers),
            experts => format!("{}x{}/experts-{experts}", self.width, self.layers),
        }
    }

    pub fn config(self) -> TransformerConfig {
        let layer = |decoder: bool| Layer {
            self_attention_heads: HEADS,
            cross_attention: decoder.then_some(CrossAttention { heads: HEADS, encoder_layers: 1 }),
            ffn_embed_dim: 4 * self.width,
            experts: (self.experts > 0).then(|| Experts { ffn_dims: vec![4 * self.width; self.experts], top_k: 1 }),
            ..Layer::default()
        };
        let stack = |decoder| Stack { embed_dim: self.width, layers: vec![layer(decoder); self.layers] };
        TransformerConfig {
            architecture: Architecture { encoder: stack(false), decoder: stack(true) },
            qkv_dim: self.width,
            source_vocab: VOCAB,
            target_vocab: VOCAB,
            tables: Tables::Shared,
            encoder_supernet_dim: self.width,
            decoder_supernet_dim: self.width,
            dropout: 0.1,
            attention_dropout: 0.1,
            activation_dropout: 0.0,
            expert_dropout_ratio: 1.0,
            capacity_factor: 0.0,
        }
    }

    pub fn supernet(self) -> Supernet {
        Supernet::init(self.config(), Arc::new(LeadingSlice), 1, &Device::flex())
    }

    /// Its products in `precision`.
    pub fn model(self, precision: Precision) -> Transformer {
        let supernet = self.supernet();
        let model = supernet.cut(&supernet.config.architecture, false).expect("the whole supernet fits");
        model.with_products(Products::new(precision, &supernet.device))
    }

    /// FLOPs of a forward pass over a batch: all products, each token in one expert.
    pub fn forward_flops(self) -> f64 {
        let (tokens, d) = ((SENTENCES * LENGTH) as f64, self.width as f64);
        let layers = self.layers as f64;
        let feed_forward = 8.0 * d * d + self.experts as f64 * d;
        let attention = 4.0 * d * d + 2.0 * LENGTH as f64 * d;
        let products = layers * (3.0 * attention + 2.0 * feed_forward) + VOCAB as f64 * d;
        2.0 * tokens * products
    }

    /// An update: three times the forward pass, and ten floats a parameter (read forward, read backward, gradient written;
    /// Adam reads gradient, weight and two moments and writes three).
    pub fn update_work(self) -> Work {
        Work { flops: 3.0 * self.forward_flops(), bytes: 40.0 * self.parameters() }
    }

    /// An evaluation: the forward pass, every parameter read once.
    pub fn evaluation_work(self) -> Work {
        Work { flops: self.forward_flops(), bytes: 4.0 * self.parameters() }
    }

    /// Weights in all.
    pub fn parameters(self) -> f64 {
        let shapes = Transformer::shapes(&self.config(), &Device::flex());
        shapes.values().map(|shape| shape.iter().product::<usize>() as f64).sum()
    }
}

/// A batch without padding.
pub fn batch() -> Batch {
    let mut rng = automoe::seed::stream(1, "bench batch", 0);
    let mut ids = || -> Vec<u32> { (0..SENTENCES * LENGTH).map(|_| rng.random_range(4..VOCAB as u32)).collect() };
    Batch {
        source: ids(),
        prev_output: ids(),
        target: ids(),
        sentences: SENTENCES,
        source_len: LENGTH,
        target_len: LENGTH,
        target_tokens: SENTENCES * LENGTH,
        indices: (0..SENTENCES as u32).collect(),
    }
}

/// A matrix of numbers between -1 and 1.
pub fn random(shape: [usize; 2], seed: u64) -> Tensor<2> {
    let mut rng = automoe::seed::stream(seed, "bench matrix", 0);
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// `a bᵀ` in `precision`; b is packed before, or by the first call.
pub fn product(a: Tensor<2>, b: Tensor<2>, precision: Precision) -> impl FnMut() -> Tensor<2> {
    let products = Products::new(precision, &a.device());
    let panels = if products.int8 { OnceLock::from(quantized(b.clone())) } else { OnceLock::new() };
    move || project(a.clone(), b.clone(), products.dtype, &panels)
}
