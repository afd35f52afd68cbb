//! An invented device for tests: random architectures and latencies that follow from every layer, with launch overheads,
//! bandwidth, and small operators that leave the device idle.

use super::data::averages::Averages;
use super::data::features::{FeatureSet, Features};
use super::data::measured_rows::{MeasuredRows, Sample};
use super::predict::perceptron::{DenseLayer, Perceptron};
use crate::seed::stream;
use crate::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use rand::{Rng, RngExt};

/// A random architecture, dense and sparse layers mixed.
pub(super) fn architecture(index: u64) -> Architecture {
    let mut random = stream(5, "simulated architecture", index);
    let encoder = stack(&mut random, 6, false);
    let layers = random.random_range(1..=6);
    let decoder = stack(&mut random, layers, true);
    Architecture { encoder, decoder }
}

/// `rows` measurements whose noise has the relative deviation `noise`.
pub(super) fn rows(rows: usize, noise: f64, seed: u64) -> MeasuredRows {
    let sample = |row: u64| {
        let architecture = architecture(seed * 1_000_000 + row);
        let mut random = stream(seed, "simulated noise", row);
        // The sum of twelve uniform numbers is close to normal.
        let mut factor = || {
            let sum: f64 = (0..12).map(|_| random.random_range(-0.5..0.5)).sum();
            1.0 + noise * sum
        };
        Sample {
            features: Features::of(FeatureSet::Layers, &architecture, None),
            averages: Averages::of(&architecture, None),
            encoder_ms: stack_ms(&architecture.encoder, 30.0, 0.0) * factor(),
            decoder_ms: 30.0 * stack_ms(&architecture.decoder, 5.0, architecture.encoder.embed_dim as f64) * factor(),
        }
    };
    MeasuredRows { feature_set: FeatureSet::Layers, samples: (0..rows as u64).map(sample).collect(), conditions: None }
}

/// A network that predicts 100 ms times (3 · decoder layers / 6 - 0.5), the minus by way of a ReLU.
pub(super) fn perceptron() -> Perceptron {
    let mut weight = vec![vec![0.0; 10]; 2];
    weight[0][5] = 3.0;
    Perceptron {
        feature_scale: vec![640.0, 6.0, 2048.0, 6.0, 640.0, 6.0, 2048.0, 6.0, 6.0, 2.0],
        output_ms: 100.0,
        layers: vec![
            DenseLayer { weight, bias: vec![0.0, 0.5] },
            DenseLayer { weight: vec![vec![1.0, -1.0]], bias: vec![0.0] },
        ],
    }
}

fn one_of(random: &mut impl Rng, choices: &[usize]) -> usize {
    choices[random.random_range(0..choices.len())]
}

fn stack(random: &mut impl Rng, layers: usize, is_decoder: bool) -> Stack {
    let embed_dim = one_of(random, &[512, 640]);
    let layers = (0..layers).map(|_| layer(random, is_decoder)).collect();
    Stack { embed_dim, layers }
}

fn layer(random: &mut impl Rng, is_decoder: bool) -> Layer {
    let experts = one_of(random, &[1, 2, 4, 6]);
    Layer {
        self_attention_heads: one_of(random, &[4, 8]),
        cross_attention: is_decoder
            .then(|| CrossAttention { heads: one_of(random, &[4, 8]), encoder_layers: one_of(random, &[1, 2, 3]) }),
        ffn_embed_dim: one_of(random, &[1024, 2048, 3072]),
        experts: (experts > 1).then(|| Experts {
            ffn_dims: (0..experts).map(|_| one_of(random, &[0, 1024, 2048, 3072])).collect(),
            top_k: 1,
        }),
        ..Layer::default()
    }
}

/// Milliseconds of one pass of `tokens` tokens; a matrix product takes the longer of computing and of its launch.
fn stack_ms(stack: &Stack, tokens: f64, encoder_width: f64) -> f64 {
    let width = stack.embed_dim as f64;
    let product = |inputs: f64, outputs: f64, tokens: f64| (0.004 * inputs * outputs / 1e6 * (tokens + 8.0)).max(0.015);
    let ffn = |size: usize, tokens: f64| 2.0 * product(width, size as f64, tokens);
    let layer_ms = |layer: &Layer| {
        let own = 4.0 * product(width, 512.0, tokens) + 0.01 * layer.self_attention_heads as f64;
        let cross = layer.cross_attention.map_or(0.0, |cross| {
            let seen = cross.encoder_layers as f64;
            2.0 * product(encoder_width, 512.0, seen * 6.0) + 0.004 * seen * cross.heads as f64
        });
        let network = match &layer.experts {
            None => ffn(layer.ffn_embed_dim, tokens),
            Some(experts) => {
                let count = experts.ffn_dims.len() as f64;
                let sizes = experts.ffn_dims.iter().filter(|size| **size > 0);
                let networks: f64 = sizes.map(|&size| ffn(size, tokens / count)).sum();
                0.02 + 0.01 * count + networks
            }
        };
        0.05 + own + cross + network
    };
    0.2 + width / 2000.0 + stack.layers.iter().map(layer_ms).sum::<f64>()
}
