//! What no recording covers, by hand-worked cases and by comparison with plain compositions.

mod by_hand;
#[cfg(feature = "gpu")]
mod launches;
mod loss_scale;
mod low_rank;
mod mixture;
mod plan;

use automoe::config::Tables;
use automoe::kernels::cpu::{adam, projection};
use automoe::kernels::{AdamStep, Targets, plain};
use automoe::model::loss::{self, Objective, Sentences};
use automoe::model::weights::leading_slice::LeadingSlice;
use automoe::model::{Kind, LayerRouting, Pass, Supernet, Transformer, TransformerConfig, Value};
use automoe::space::{Architecture, CrossAttention, Experts, Layer, Stack};
use automoe::text::Batch;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt;
use std::sync::Arc;

const VOCAB: usize = 13;
const SOURCE: [u32; 10] = [1, 1, 5, 6, 2, 7, 8, 9, 10, 2];
const PREVIOUS: [u32; 8] = [2, 4, 5, 6, 2, 7, 1, 1];
const TARGET: [u32; 8] = [4, 5, 6, 2, 7, 2, 1, 1];

fn layer(decoder: bool) -> Layer {
    Layer {
        self_attention_heads: 2,
        cross_attention: decoder.then_some(CrossAttention { heads: 2, encoder_layers: 1 }),
        ffn_embed_dim: 12,
        experts: None,
        ..Layer::default()
    }
}

/// Two sentences of three tokens.
fn batch() -> Batch {
    Batch {
        source: vec![5, 6, 2, 7, 8, 2],
        prev_output: vec![2, 4, 5, 2, 6, 7],
        target: vec![4, 5, 2, 6, 7, 2],
        sentences: 2,
        source_len: 3,
        target_len: 3,
        target_tokens: 6,
        indices: vec![0, 1],
    }
}

fn architecture(encoder_dim: usize, decoder_dim: usize, change: impl Fn(&mut Layer)) -> Architecture {
    let stack = |decoder: bool, embed_dim: usize| {
        let mut layers = vec![layer(decoder), layer(decoder)];
        layers.iter_mut().for_each(&change);
        Stack { embed_dim, layers }
    };
    Architecture { encoder: stack(false, encoder_dim), decoder: stack(true, decoder_dim) }
}

fn config(architecture: Architecture, tables: Tables) -> TransformerConfig {
    TransformerConfig {
        encoder_supernet_dim: architecture.encoder.embed_dim,
        decoder_supernet_dim: architecture.decoder.embed_dim,
        architecture,
        qkv_dim: 8,
        source_vocab: VOCAB,
        target_vocab: VOCAB,
        tables,
        dropout: 0.0,
        attention_dropout: 0.0,
        activation_dropout: 0.0,
        expert_dropout_ratio: 1.0,
        capacity_factor: 0.0,
    }
}

/// A model with weights that are not at their initial zeros and ones.
fn model(config: TransformerConfig) -> Transformer {
    let device = Device::flex();
    let mut supernet = Supernet::init(config, Arc::new(LeadingSlice), 3, &device);
    let mut rng = automoe::seed::stream(5, "test weights", 0);
    for value in supernet.values.values_mut() {
        let moved = value.to_vec().into_iter().map(|x| x + rng.random_range(-0.3..0.3));
        *value = Value::from_vec(moved.collect(), &value.shape(), &device);
    }
    let own = supernet.config.architecture.clone();
    supernet.cut(&own, false).unwrap()
}

fn experts(ffn_dims: &[usize], top_k: usize) -> impl Fn(&mut Layer) {
    move |layer| layer.experts = Some(Experts { ffn_dims: ffn_dims.to_vec(), top_k })
}

fn logits(model: &Transformer) -> Vec<f32> {
    let hidden = model.forward(&SOURCE, &PREVIOUS, 2, &mut Pass::inference());
    model.project(hidden).into_data().try_into_vec().unwrap()
}

fn random(seed: u64, shape: [usize; 2]) -> Tensor<2> {
    let mut rng = automoe::seed::stream(seed, "test matrix", 0);
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn assert_near(got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    for (place, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "element {place}: {got}, expected {want}");
    }
}

fn elements(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

#[test]
fn decoding_step_by_step_gives_what_teacher_forcing_gives() {
    let kinds = [
        architecture(8, 8, |_| {}),
        architecture(12, 8, experts(&[12, 6, 0], 2)),
        architecture(8, 12, |layer| {
            if let Some(cross) = &mut layer.cross_attention {
                cross.encoder_layers = 3;
            }
        }),
    ];
    for architecture in kinds {
        let tables = if architecture.encoder.embed_dim > 8 { Tables::Separate } else { Tables::Shared };
        let model = model(config(architecture, tables));
        let whole = logits(&model);
        let mut pass = Pass::inference();
        let memory = model.encode(&SOURCE, 2, &mut pass);
        let mut cache = model.start(&memory);
        for position in 0..4 {
            let tokens = [PREVIOUS[position], PREVIOUS[4 + position]];
            let step = elements(model.step(&tokens, position, &mut cache, &mut pass));
            for sentence in 0..2 {
                // The second target ends in padding, which has no step of its own.
                if tokens[sentence] != 1 {
                    let row = (sentence * 4 + position) * VOCAB;
                    assert_near(&step[sentence * VOCAB..(sentence + 1) * VOCAB], &whole[row..row + VOCAB], 2e-5);
                }
            }
        }
    }
}

#[test]
fn hypotheses_that_are_reordered_and_sentences_that_end_keep_their_own_past() {
    let model = model(config(architecture(12, 8, experts(&[12, 6], 1)), Tables::Separate));
    let mut pass = Pass::inference();
    let mut cache = model.start(&model.encode(&SOURCE, 2, &mut pass));
    model.step(&[2, 2], 0, &mut cache, &mut pass);
    // Two hypotheses a sentence; then those of the second sentence change places and go on alone.
    cache.select(&[0, 0, 1, 1], None, &Device::flex());
    model.step(&[4, 5, 6, 7], 1, &mut cache, &mut pass);
    cache.select(&[3, 2], Some(&[1]), &Device::flex());
    let found = elements(model.step(&[8, 9], 2, &mut cache, &mut pass));
    for (row, path) in [[2, 7, 8], [2, 6, 9]].iter().enumerate() {
        let hidden = model.forward(&SOURCE[5..], path, 1, &mut Pass::inference());
        let whole = elements(model.project(hidden));
        assert_near(&found[row * VOCAB..(row + 1) * VOCAB], &whole[2 * VOCAB..], 2e-5);
    }
}

#[test]
fn one_expert_is_a_dense_layer_and_identity_experts_pass_tokens_on() {
    let dense = model(config(architecture(8, 8, |_| {}), Tables::Shared));
    let single = model(config(architecture(8, 8, experts(&[12], 1)), Tables::Shared));
    assert_ne!(logits(&dense), logits(&single), "weights are drawn by name, and names differ");
    let mut values = dense.values();
    let renamed =
        Supernet::from_source(single.config().clone(), Arc::new(LeadingSlice), &Device::flex(), |name, shape| {
            let dense_name = name.replace("moe.experts.0", "ffn");
            Ok(values
                .remove(&dense_name)
                .unwrap_or_else(|| Value::from_vec(vec![0.3; shape.iter().product()], shape, &Device::flex())))
        });
    let own = single.config().architecture.clone();
    let renamed = renamed.unwrap().cut(&own, false).unwrap();
    // The last two rows are padding's, which no expert sees.
    assert_eq!(logits(&renamed)[..6 * VOCAB], logits(&dense)[..6 * VOCAB]);

    // With identity experts alone, y = Σ p_e · x over all experts is x: the sublayer is LN(2x).
    let identity = model(config(architecture(8, 8, experts(&[0, 0], 2)), Tables::Shared));
    let norm = &identity.encoder.layers[0].ffn_layer_norm.as_ref().unwrap();
    let moe = identity.encoder.layers[0].moe.as_ref().unwrap();
    let x = random(1, [5, 8]);
    let (y, _) = moe.forward(x.clone(), 0, &Default::default(), &mut Pass::inference());
    assert_near(&elements(y.clone()), &elements(x.clone()), 1e-6);
    let of_sum = |a: &Tensor<2>, b: &Tensor<2>| norm.of_sum(a.clone(), b.clone(), 0.0, &mut Pass::inference());
    assert_near(&elements(of_sum(&x, &y)), &elements(of_sum(&x, &x)), 1e-5);
}

#[test]
fn a_dropped_sublayer_is_not_there_at_all() {
    let without = model(config(
        architecture(8, 8, |layer| {
            layer.keep_attention = false;
            layer.keep_ffn = false;
        }),
        Tables::Shared,
    ));
    // Nothing is left but the embeddings and the projection.
    assert_eq!(without.values().into_keys().collect::<Vec<_>>(), ["encoder.embed_tokens"]);
    let hidden = elements(without.forward(&SOURCE, &[2, 2], 2, &mut Pass::inference()));
    let table = elements(without.projection_table());
    // The first token of both targets stands at position 2: sqrt(8) · E[2] + (sin 2, …).
    assert!((hidden[0] - (8f32.sqrt() * table[2 * 8] + 2f32.sin())).abs() < 1e-5);
}

#[test]
fn tokens_over_capacity_pass_through_scaled_by_their_probability() {
    let mut limited = config(architecture(8, 8, experts(&[12, 6], 1)), Tables::Shared);
    limited.capacity_factor = 0.5;
    let limited = model(limited);
    let moe = limited.encoder.layers[0].moe.as_ref().unwrap();
    let x = random(2, [8, 8]);
    let (y, routing) = moe.forward(x.clone(), 0, &Default::default(), &mut Pass::training(0));
    let probabilities = burn::tensor::activation::softmax(moe.router.forward(x.clone()), 1);
    let probabilities = elements(probabilities);
    let (x, y) = (elements(x), elements(y));
    let experts = routing.experts();
    let passed = (0..8).filter(|&token| {
        let p = probabilities[token * 2 + experts[token] as usize];
        (0..8).all(|i| (y[token * 8 + i] - p * x[token * 8 + i]).abs() < 1e-6)
    });
    // Capacity is int(0.5 · 8 / 2) = 2 an expert.
    let taken: u64 = LayerRouting::counts(&[&routing])[0].iter().map(|&count| count.min(2)).sum();
    assert_eq!(passed.count() as u64, 8 - taken);
}

#[test]
fn at_inference_routers_see_no_padding_and_drop_no_token() {
    for ffn_dims in [&[12, 6, 0][..], &[12]] {
        let mut limited = config(architecture(12, 8, experts(ffn_dims, 1)), Tables::Separate);
        limited.capacity_factor = 0.2;
        let limited = model(limited);
        let passed = |source: &[u32], previous: &[u32], batch: usize, mut pass: Pass| {
            let hidden = limited.forward(source, previous, batch, &mut pass);
            let routing: Vec<&LayerRouting> = pass.encoder_routing.iter().chain(&pass.decoder_routing).collect();
            let tokens: Vec<usize> = routing.iter().map(|layer| layer.experts().len()).collect();
            (elements(hidden), LayerRouting::counts(&routing), tokens)
        };
        let (together, counts, tokens) = passed(&SOURCE, &PREVIOUS, 2, Pass::inference());
        assert_eq!(tokens, [8, 8, 6, 6]);
        let alone = [(&SOURCE[2..5], &PREVIOUS[..4]), (&SOURCE[5..], &PREVIOUS[4..6])];
        let alone = alone.map(|(source, previous)| passed(source, previous, 1, Pass::inference()));
        for (layer, counts) in counts.iter().enumerate() {
            let sums =
                (0..ffn_dims.len()).map(|expert| alone.iter().map(|(_, counts, _)| counts[layer][expert]).sum::<u64>());
            assert!(sums.eq(counts.iter().copied()), "layer {layer}: {counts:?}");
        }
        assert_near(&together[..6 * 8], &[&alone[0].0[..], &alone[1].0].concat(), 1e-5);
        // In training padding is routed as all else, and capacities hold.
        let (dropped, _, tokens) = passed(&SOURCE, &PREVIOUS, 2, Pass::training(0));
        assert_eq!(tokens, [10, 10, 8, 8]);
        assert!(dropped.iter().zip(&together).any(|(dropped, whole)| (dropped - whole).abs() > 1e-3));
    }
}

#[test]
fn load_balance_of_unequal_layers_by_hand() {
    let routing = |layer: usize, counts: Vec<u64>, sums: Vec<f32>| {
        let experts: Vec<u32> = (0..).zip(&counts).flat_map(|(expert, &count)| vec![expert; count as usize]).collect();
        let sums = Tensor::from_data(TensorData::new(sums.clone(), [sums.len()]), &Device::flex());
        LayerRouting::of_host(layer, 1, &experts, &counts, sums)
    };
    let layers = [routing(0, vec![3, 1], vec![2.5, 1.5]), routing(1, vec![1, 2, 1], vec![1.0, 1.5, 1.5])];
    // n² Σ c_i P_i with n = 3, c = [4, 3, 1] / 8, P = [3.5, 3.0, 1.5] / 8.
    let want = 9.0 * (4.0 * 3.5 + 3.0 * 3.0 + 1.0 * 1.5) / 64.0;
    let got = f64::from(loss::stack_load_balance(&layers).into_scalar::<f32>());
    assert!((got - want).abs() < 1e-6, "{got} {want}");
}

#[test]
fn the_projection_kernel_agrees_with_the_plain_composition() {
    // Large enough for several blocks of rows.
    let (rows, embed, vocab) = (60, 6, 120_000);
    let (hidden, table) = (random(3, [rows, embed]), random(4, [vocab, embed]));
    let target: Vec<u32> =
        (0..rows as u32).map(|row| if row % 7 == 3 { 1 } else { row * 1999 % vocab as u32 }).collect();
    let targets = Targets::hard(&target, 0.1);
    let step = projection::forward_backward(hidden.clone(), table.clone(), targets);
    assert_eq!(step.sums, projection::forward(hidden.clone(), table.clone(), targets));
    let sums = plain::losses(hidden.clone(), table.clone(), targets, FloatDType::F32).read();
    assert_eq!(sums.tokens, step.sums.tokens);
    for (got, want) in [(step.sums.loss, sums.loss), (step.sums.nll, sums.nll)] {
        assert!((got - want).abs() / want < 1e-5, "{got} {want}");
    }
    // The plain composition's gradients are no reference here: it adds 120 000 exponentials one by one in single precision.
    let exact = projection_gradients(&hidden, &table, &target, 0.1);
    for (got, want) in [step.hidden_gradient, step.table_gradient].into_iter().zip(exact) {
        assert_near(&elements(got), &want, 1e-5);
    }
}

/// Gradients of hidden `[rows, embed]` and table `[vocab, embed]` in double precision: softmax - (1-ε)·onehot - ε/V times
/// the other factor, over the rows that are not padding.
fn projection_gradients(hidden: &Tensor<2>, table: &Tensor<2>, target: &[u32], smoothing: f64) -> [Vec<f32>; 2] {
    let ([rows, embed], [vocab, _]) = (hidden.dims(), table.dims());
    let doubles = |tensor: &Tensor<2>| elements(tensor.clone()).into_iter().map(f64::from).collect::<Vec<_>>();
    let (hidden, table) = (doubles(hidden), doubles(table));
    let (mut of_hidden, mut of_table) = (vec![0.0; rows * embed], vec![0.0; vocab * embed]);
    for (row, &label) in target.iter().enumerate().filter(|(_, label)| **label != 1) {
        let x = &hidden[row * embed..(row + 1) * embed];
        let logit = |weights: &[f64]| weights.iter().zip(x).map(|(a, b)| a * b).sum::<f64>().exp();
        let exponentials: Vec<f64> = table.chunks_exact(embed).map(logit).collect();
        let sum: f64 = exponentials.iter().sum();
        for (id, exponential) in exponentials.iter().enumerate() {
            let one = if id == label as usize { 1.0 - smoothing } else { 0.0 };
            let slope = exponential / sum - one - smoothing / vocab as f64;
            for column in 0..embed {
                of_hidden[row * embed + column] += slope * table[id * embed + column];
                of_table[id * embed + column] += slope * x[column];
            }
        }
    }
    [of_hidden, of_table].map(|gradient| gradient.into_iter().map(|x| x as f32).collect())
}

#[test]
fn the_adam_kernel_agrees_with_the_plain_composition() {
    let numbers =
        AdamStep { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, step_size: 0.01, keep: 0.999, gradient_scale: 0.5 };
    let state = || [random(1, [300, 257]), random(2, [300, 257]), random(3, [300, 257]).abs()];
    for gradient in [None, Some(random(4, [300, 257])), Some(random(5, [120, 33]))] {
        let got = adam::step(state(), gradient.clone(), numbers);
        let [weight, first, second] = state();
        let gradient = gradient
            .map_or_else(|| weight.zeros_like(), |gradient| Kind::Matrix.of(gradient).padded([300, 257]).tensor * 0.5);
        let first = first * 0.9 + gradient.clone() * 0.1;
        let second = second * 0.98 + gradient.clone() * gradient * 0.02;
        let weight = weight * 0.999 - first.clone() / (second.clone().sqrt() + 1e-8) * 0.01;
        for (got, want) in got.into_iter().zip([weight, first, second]) {
            assert_near(&elements(got), &elements(want), 1e-6);
        }
    }
}

#[test]
fn gradients_of_the_whole_model_do_not_depend_on_how_the_loss_is_computed() {
    let architecture = architecture(12, 8, experts(&[12, 6], 1));
    let model = model(config(architecture, Tables::Shared));
    let tokens = Sentences { source: &SOURCE, previous: &PREVIOUS, target: &TARGET, batch: 2 };
    let supernet = Supernet::from_source(model.config().clone(), Arc::new(LeadingSlice), &Device::flex(), |name, _| {
        Ok(model.values()[name].clone())
    });
    let supernet = supernet.unwrap();
    let tracked = || supernet.cut(&model.config().architecture, true).unwrap();
    let objective = Objective { label_smoothing: 0.1, ..Objective::default() };
    let fused = loss::differentiate(&tracked(), tokens, &objective, None, Pass::inference()).gradients;
    let model = tracked();
    let hidden = model.forward(&SOURCE, &PREVIOUS, 2, &mut Pass::inference());
    let plain = plain::losses(hidden, model.projection_table(), Targets::hard(&TARGET, 0.1), FloatDType::F32);
    let composed = model.gradients(&mut plain.loss.backward());
    for (name, value) in composed {
        assert_near(&fused[&name].to_vec(), &value.to_vec(), 2e-5);
    }
}
