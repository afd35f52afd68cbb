//! Initial values, as the reference draws them on the supernet's full shapes.

use super::leading_slice::LeadingSlice;
use super::sharing::WeightSharing;
use super::supernet::Supernet;
use super::value::Value;
use crate::model::config::TransformerConfig;
use crate::seed;
use crate::text::PAD;
use burn::tensor::Device;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

impl Supernet {
    /// A supernet by the reference's rule with fresh weights.
    pub fn init(config: TransformerConfig, seed: u64, device: &Device) -> Self {
        Self::init_by(config, Arc::new(LeadingSlice), seed, device)
    }

    /// A supernet by the rule `sharing` with fresh weights. Each parameter draws from its own stream, named by its path.
    pub fn init_by(config: TransformerConfig, sharing: Arc<dyn WeightSharing>, seed: u64, device: &Device) -> Self {
        let shapes: Vec<_> = sharing.parameters(&config).into_iter().collect();
        let drawn: Vec<(String, Vec<usize>, Vec<f32>)> = shapes
            .into_par_iter()
            .map(|(name, shape)| {
                let own = sharing.initial(&name, &shape, seed);
                let elements = own.unwrap_or_else(|| draw(&name, &shape, &config, seed));
                (name, shape, elements)
            })
            .collect();
        let values = drawn.into_iter().map(|(name, shape, elements)| (name, Value::from_vec(elements, &shape, device)));
        Self::new(config, sharing, values.collect(), device)
    }
}

/// The initial elements of the parameter `name`.
fn draw(name: &str, shape: &[usize], config: &TransformerConfig, seed: u64) -> Vec<f32> {
    let mut rng = seed::stream(seed, &format!("init {name}"), 0);
    let count = shape.iter().product();
    let mut uniform = |bound: f64| -> Vec<f32> {
        let bound = bound as f32;
        (0..count).map(|_| rng.random_range(-bound..=bound)).collect()
    };
    let parent = name.rsplit_once('.').map_or("", |(parent, _)| parent);
    if parent.ends_with("router") {
        return uniform((stack_width(name, config) as f64).powf(-0.5));
    }
    if name.ends_with("layer_norm.weight") {
        return vec![1.0; count];
    }
    if name.ends_with(".bias") {
        return vec![0.0; count];
    }
    let (rows, columns) = (shape[0], shape[1]);
    if !name.ends_with(".weight") {
        return embedding_table(rows, columns, !name.ends_with("embed_out"), &mut rng);
    }
    uniform((6.0 / (fan_out(parent, rows, config) + columns) as f64).sqrt())
}

/// Normal with deviation `columns^-0.5`; the padding row of a look-up table is 0.
fn embedding_table(rows: usize, columns: usize, zero_pad: bool, rng: &mut impl rand::Rng) -> Vec<f32> {
    let deviation = (columns as f32).powf(-0.5);
    let mut table: Vec<f32> = (0..rows * columns)
        .map(|_| {
            let z: f32 = StandardNormal.sample(rng);
            z * deviation
        })
        .collect();
    if zero_pad && rows > PAD as usize {
        table[PAD as usize * columns..(PAD as usize + 1) * columns].fill(0.0);
    }
    table
}

/// Rows that Xavier's rule counts. The reference holds cross-attention's three projections in one matrix where both
/// stacks are equally wide, and apart otherwise.
fn fan_out(parent: &str, rows: usize, config: &TransformerConfig) -> usize {
    let joined = config.encoder_supernet_dim == config.decoder_supernet_dim;
    match parent.rsplit('.').next() {
        Some("q_proj" | "kv_proj") if joined => 3 * config.qkv_dim,
        Some("kv_proj") => config.qkv_dim,
        _ => rows,
    }
}

fn stack_width(name: &str, config: &TransformerConfig) -> usize {
    if name.starts_with("encoder.") {
        config.architecture.encoder.embed_dim
    } else {
        config.architecture.decoder.embed_dim
    }
}
