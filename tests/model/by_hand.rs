//! The reference's forward pass once more, in plain loops and double precision over its own names, for what no recording
//! covers: unequal widths, separate projections, fewer encoder layers than cross-attention asks for.

use super::{PREVIOUS, SOURCE, VOCAB, architecture, assert_near, config, experts, layer, logits, model};
use automoe::config::Tables;
use automoe::interop::names::to_reference;
use automoe::model::{Pass, Transformer};
use automoe::run::NamedTensor;
use automoe::space::{Architecture, Stack};
use std::collections::BTreeMap;

/// A vector for each token.
type Rows = Vec<Vec<f64>>;

/// A model's weights under the reference's names.
struct Plain<'a> {
    weights: BTreeMap<String, NamedTensor>,
    architecture: &'a Architecture,
    /// The widths that positions are made for.
    supernet_dims: [usize; 2],
}

impl<'a> Plain<'a> {
    /// The weights of `model`, with cross-attention's projections apart where `separate`.
    fn of(model: &'a Transformer, separate: bool) -> Self {
        let named = model.values().into_iter();
        let named = named.map(|(name, value)| NamedTensor { name, shape: value.shape(), data: value.to_vec() });
        let reference = to_reference(named.collect(), separate).unwrap();
        let config = model.config();
        Self {
            weights: reference.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect(),
            architecture: &config.architecture,
            supernet_dims: [config.encoder_supernet_dim, config.decoder_supernet_dim],
        }
    }

    /// The matrix `name`, row by row.
    fn matrix(&self, name: &str) -> Rows {
        let tensor = &self.weights[name];
        let rows = tensor.data.chunks(tensor.shape[1]);
        rows.map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect()
    }

    fn vector(&self, name: &str) -> Vec<f64> {
        self.weights[name].data.iter().map(|&x| f64::from(x)).collect()
    }

    fn linear(&self, name: &str, x: &Rows) -> Rows {
        linear(x, &self.matrix(&format!("{name}.weight")), &self.vector(&format!("{name}.bias")))
    }

    /// `LN(x + y)`
    fn add_and_norm(&self, name: &str, x: &Rows, y: &Rows) -> Rows {
        let (scale, shift) = (self.vector(&format!("{name}.weight")), self.vector(&format!("{name}.bias")));
        let normed = x.iter().zip(y).map(|(x, y)| {
            let sum: Vec<f64> = x.iter().zip(y).map(|(x, y)| x + y).collect();
            let mean = sum.iter().sum::<f64>() / sum.len() as f64;
            let variance = sum.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / sum.len() as f64;
            let each = sum.iter().zip(&scale).zip(&shift);
            each.map(|((s, scale), shift)| (s - mean) / (variance + 1e-5).sqrt() * scale + shift).collect()
        });
        normed.collect()
    }

    /// `sqrt(d) · E[token] + P[position]`, positions counted from 2 past the padding on the left.
    fn embed(&self, table: &str, stack: &Stack, supernet_dim: usize, tokens: &[u32]) -> Rows {
        let (table, width, half) = (self.matrix(table), stack.embed_dim, supernet_dim / 2);
        let padding = tokens.iter().take_while(|&&token| token == 1).count();
        let row = |(place, &token): (usize, &u32)| {
            let position = (2 + place - padding.min(place)) as f64;
            let sinusoid = |j: usize| {
                let angle = |j: usize| position * (-(j as f64) * 10_000f64.ln() / (half as f64 - 1.0)).exp();
                if j < half { angle(j).sin() } else { angle(j - half).cos() }
            };
            let at = |j| (width as f64).sqrt() * table[token as usize][j] + if token == 1 { 0.0 } else { sinusoid(j) };
            (0..width).map(at).collect()
        };
        tokens.iter().enumerate().map(row).collect()
    }

    fn self_attention(&self, place: &str, x: &Rows, heads: usize, sees: impl Fn(usize, usize) -> bool) -> Rows {
        let joined = linear(
            x,
            &self.matrix(&format!("{place}self_attn.in_proj_weight")),
            &self.vector(&format!("{place}self_attn.in_proj_bias")),
        );
        let part = |i: usize| -> Rows {
            joined.iter().map(|row| row[row.len() / 3 * i..row.len() / 3 * (i + 1)].to_vec()).collect()
        };
        let attended = attend(&part(0), &part(1), &part(2), heads, sees);
        let attended = self.linear(&format!("{place}self_attn.out_proj"), &attended);
        self.add_and_norm(&format!("{place}self_attn_layer_norm"), x, &attended)
    }

    fn cross_attention(
        &self,
        place: &str,
        x: &Rows,
        memory: &Rows,
        heads: usize,
        sees: impl Fn(usize) -> bool,
    ) -> Rows {
        let place = format!("{place}encoder_attn");
        let bias = self.vector(&format!("{place}.in_proj_bias"));
        let qkv = bias.len() / 3;
        let weight = |i: usize| match self.weights.contains_key(&format!("{place}.in_proj_weight")) {
            true => self.matrix(&format!("{place}.in_proj_weight"))[qkv * i..qkv * (i + 1)].to_vec(),
            false => self.matrix(&format!("{place}.{}_proj_weight", ["q", "k", "v"][i])),
        };
        let project = |i: usize, x: &Rows| linear(x, &weight(i), &bias[qkv * i..qkv * (i + 1)]);
        let (query, key, value) = (project(0, x), project(1, memory), project(2, memory));
        let attended = attend(&query, &key, &value, heads, |_, key| sees(key));
        let attended = self.linear(&format!("{place}.out_proj"), &attended);
        self.add_and_norm(&format!("{place}_layer_norm"), x, &attended)
    }

    /// Dense, or the best expert of each token scaled by its probability.
    fn feed_forward(&self, place: &str, x: &Rows, experts: usize) -> Rows {
        let network = |first: &str, second: &str, x: &Rows| {
            let inner = self.linear(&format!("{place}{first}"), x);
            let inner = inner.iter().map(|row| row.iter().map(|&h| h.max(0.0)).collect()).collect();
            self.linear(&format!("{place}{second}"), &inner)
        };
        let y = if experts == 0 {
            network("fc1", "fc2", x)
        } else {
            let chosen = self.linear(&format!("{place}switch_layer.switch"), x).into_iter().map(softmax);
            let route = |(row, p): (&Vec<f64>, Vec<f64>)| {
                let best = (0..experts).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
                let names = ["0", "1"].map(|part| format!("switch_layer.experts.{best}.{part}"));
                let y = network(&names[0], &names[1], &vec![row.clone()]);
                y[0].iter().map(|y| p[best] * y).collect()
            };
            x.iter().zip(chosen).map(route).collect()
        };
        self.add_and_norm(&format!("{place}final_layer_norm"), x, &y)
    }

    /// Logits of one sentence, a row a target token.
    fn logits(&self, source: &[u32], previous: &[u32]) -> Vec<f32> {
        let count = |layer: &automoe::space::Layer| layer.experts.as_ref().map_or(0, |e| e.ffn_dims.len());
        let Architecture { encoder, decoder } = self.architecture;
        let mut x = self.embed("encoder.embed_tokens.weight", encoder, self.supernet_dims[0], source);
        let mut outputs = Vec::new();
        for (index, layer) in encoder.layers.iter().enumerate() {
            let place = format!("encoder.layers.{index}.");
            x = self.self_attention(&place, &x, layer.self_attention_heads, |_, key| source[key] != 1);
            x = self.feed_forward(&place, &x, count(layer));
            outputs.push(x.clone());
        }
        let table = match self.weights.contains_key("decoder.embed_tokens.weight") {
            true => "decoder.embed_tokens.weight",
            false => "encoder.embed_tokens.weight",
        };
        let mut x = self.embed(table, decoder, self.supernet_dims[1], previous);
        for (index, layer) in decoder.layers.iter().enumerate() {
            let place = format!("decoder.layers.{index}.");
            let cross = layer.cross_attention.unwrap();
            let memory: Rows = outputs.iter().rev().take(cross.encoder_layers).flatten().cloned().collect();
            x = self.self_attention(&place, &x, layer.self_attention_heads, |query, key| key <= query);
            x = self.cross_attention(&place, &x, &memory, cross.heads, |key| source[key % source.len()] != 1);
            x = self.feed_forward(&place, &x, count(layer));
        }
        let table = self.matrix(table);
        let logit = |x: &Vec<f64>, token: usize| x.iter().zip(&table[token]).map(|(x, e)| x * e).sum::<f64>() as f32;
        x.iter().flat_map(|x| (0..VOCAB).map(move |token| (x, token))).map(|(x, token)| logit(x, token)).collect()
    }
}

/// `y = x Wᵀ + b`, `weight` being `[out, in]`.
fn linear(x: &Rows, weight: &Rows, bias: &[f64]) -> Rows {
    let output =
        |x: &Vec<f64>, (row, bias): (&Vec<f64>, &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias;
    x.iter().map(|x| weight.iter().zip(bias).map(|row| output(x, row)).collect()).collect()
}

fn softmax(scores: Vec<f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn attend(query: &Rows, key: &Rows, value: &Rows, heads: usize, sees: impl Fn(usize, usize) -> bool) -> Rows {
    let head_dim = query[0].len() / heads;
    let row = |(q, query): (usize, &Vec<f64>)| {
        let head = |head: usize| {
            let part = |row: &Vec<f64>| row[head * head_dim..(head + 1) * head_dim].to_vec();
            let score = |(k, key): (usize, &Vec<f64>)| match sees(q, k) {
                true => part(query).iter().zip(part(key)).map(|(q, k)| q / (head_dim as f64).sqrt() * k).sum(),
                false => f64::NEG_INFINITY,
            };
            let weights = softmax(key.iter().enumerate().map(score).collect());
            let at = move |j: usize| weights.iter().zip(value).map(|(w, v)| w * v[head * head_dim + j]).sum::<f64>();
            (0..head_dim).map(at).collect::<Vec<f64>>()
        };
        (0..heads).flat_map(head).collect()
    };
    query.iter().enumerate().map(row).collect()
}

/// Both sentences' logits, computed here, are the model's.
fn assert_agrees(model: &Transformer, separate: bool) {
    let plain = Plain::of(model, separate);
    let own = logits(model);
    for sentence in 0..2 {
        let previous = &PREVIOUS[sentence * 4..sentence * 4 + 4];
        // Decoder inputs end in padding here and there; what follows a sentence's end counts for nothing.
        let length = previous.iter().take_while(|&&token| token != 1).count();
        let expected = plain.logits(&SOURCE[sentence * 5..sentence * 5 + 5], &previous[..length]);
        let start = sentence * 4 * VOCAB;
        assert_near(&own[start..start + length * VOCAB], &expected, 2e-5);
    }
}

/// `encoder_layers` layers in the encoder, two in the decoder that attend to the last `seen` of them.
fn deep(encoder_layers: usize, seen: usize) -> Architecture {
    let mut architecture = architecture(8, 8, |layer| {
        if let Some(cross) = &mut layer.cross_attention {
            cross.encoder_layers = seen;
        }
    });
    architecture.encoder.layers = vec![layer(false); encoder_layers];
    architecture
}

#[test]
fn encoder_and_decoder_of_unequal_widths() {
    for (encoder, decoder) in [(12, 8), (8, 12)] {
        for tables in [Tables::Tied, Tables::Shared] {
            for change in [experts(&[12, 6, 10], 1), experts(&[12], 1)] {
                let mut config = config(architecture(encoder, decoder, change), tables);
                // Cut from a wider supernet: positions are its own, and only their first columns are used.
                (config.encoder_supernet_dim, config.decoder_supernet_dim) = (16, 12);
                let model = model(config);
                let names = Plain::of(&model, false).weights;
                assert!(names.contains_key("decoder.layers.1.encoder_attn.k_proj_weight"));
                assert_eq!(names["decoder.layers.0.encoder_attn.k_proj_weight"].shape, [8, encoder]);
                assert_agrees(&model, false);
            }
        }
    }
}

#[test]
fn separate_projections_compute_what_the_joint_one_does() {
    let model = model(config(architecture(8, 8, |_| {}), Tables::Shared));
    for separate in [false, true] {
        let names = Plain::of(&model, separate).weights;
        assert_eq!(names.contains_key("decoder.layers.0.encoder_attn.q_proj_weight"), separate);
        assert_eq!(names.contains_key("decoder.layers.0.encoder_attn.in_proj_weight"), !separate);
        assert_agrees(&model, separate);
    }
}

#[test]
fn cross_attention_sees_the_last_encoder_layers_as_many_as_there_are() {
    for encoder_layers in 1..=4 {
        for seen in 1..=3 {
            assert_agrees(&model(config(deep(encoder_layers, seen), Tables::Shared)), false);
        }
    }
    // One layer is all that there is, however many are asked for.
    let [one, three] = [1, 3].map(|seen| logits(&model(config(deep(1, seen), Tables::Shared))));
    assert_eq!(one, three);
    let [one, three] = [1, 3].map(|seen| logits(&model(config(deep(3, seen), Tables::Shared))));
    assert_ne!(one, three);
}

#[test]
fn dropout_is_scaled_by_width() {
    // Without sublayers the decoder's output is its embeddings after dropout.
    let bare = |supernet_dim: usize| {
        let mut config = config(
            architecture(8, 8, |layer| {
                layer.keep_attention = false;
                layer.keep_ffn = false;
            }),
            Tables::Shared,
        );
        config.decoder_supernet_dim = supernet_dim;
        config.dropout = 0.4;
        model(config)
    };
    let previous: Vec<u32> = (0..1000).map(|i| 4 + i % 9).collect();
    // 0.4 · 8/8 and 0.4 · 8/32.
    for (supernet_dim, rate) in [(8, 0.4), (32, 0.1)] {
        let model = bare(supernet_dim);
        let hidden = |pass: &mut Pass| super::elements(model.forward(&[5, 2], &previous, 1, pass));
        let (whole, dropped) = (hidden(&mut Pass::inference()), hidden(&mut Pass::training(3)));
        let zeros = dropped.iter().filter(|&&x| x == 0.0).count() as f64 / dropped.len() as f64;
        assert!((zeros - rate).abs() < 0.02, "{zeros} are 0 where {rate} is expected");
        for (whole, dropped) in whole.iter().zip(&dropped).filter(|(_, dropped)| **dropped != 0.0) {
            assert!((dropped - whole / (1.0 - rate as f32)).abs() < 1e-5 * whole.abs().max(1.0));
        }
    }
}
