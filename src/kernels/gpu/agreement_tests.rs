//! Operators on a graphics device against those of the CPU, in sizes that no cube computes at one go.

use super::projection;
use crate::kernels::adam_step::{AdamStep, Stepped};
use crate::kernels::operators::{
    LinearMap, adam, add_embedding_gradient, add_norm, cross_attention, drop_out, embed, feed_forward, gate, linear,
    self_attention, sum_of_squares,
};
use crate::kernels::tests::{assert_near_by, host, numbers};
use crate::kernels::{Dropout, Mask, SoftTargets, Targets, losses};
use crate::test_devices::vulkan;
use crate::text::PAD;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use std::sync::OnceLock;

fn tensor<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers(seed, shape.iter().product()), shape), device)
}

/// The largest size of a value, at least `least`.
pub(super) fn largest(values: &[f32], least: f32) -> f32 {
    values.iter().fold(least, |largest, value| largest.max(value.abs()))
}

fn assert_near(what: &str, found: &[Vec<f32>], want: &[Vec<f32>]) {
    assert_eq!(found.len(), want.len(), "{what}");
    for (result, (found, want)) in found.iter().zip(want).enumerate() {
        assert_near_by(largest(want, 1e-3), found, want, &format!("{what}: result {result}"));
    }
}

/// The output and the gradients of all inputs, on both devices.
fn agree<const N: usize>(
    what: &str,
    device: &Device,
    shapes: [[usize; 2]; N],
    operator: impl Fn(&Device, [Tensor<2>; N]) -> Tensor<2>,
) {
    let [found, want] = [device, &Device::flex()].map(|device| {
        let leaf = |i: usize| Tensor::from_inner(tensor(i as u64, shapes[i], device)).require_grad();
        let leaves: [Tensor<2>; N] = std::array::from_fn(leaf);
        let output = operator(device, leaves.clone());
        let weights = Tensor::from_inner(tensor(99, output.dims(), device));
        let gradients = (output.clone() * weights).sum().backward();
        let of_leaves = leaves.iter().map(|leaf| host(leaf.grad(&gradients).expect("every input has a gradient")));
        [host(output)].into_iter().chain(of_leaves).collect::<Vec<_>>()
    });
    assert_near(what, &found, &want);
}

fn dropouts() -> [Mask; 2] {
    [Mask::NONE, Dropout::new(3).mask(0.3)]
}

fn row(tensor: Tensor<2>) -> Tensor<1> {
    tensor.squeeze_dim(0)
}

#[test]
fn sublayers_are_those_of_the_cpu_dropout_included() {
    let Some(device) = vulkan("sublayers on vulkan") else { return };
    let map = |weight, bias| LinearMap { weight, bias: row(bias), panels: Box::leak(Box::new(OnceLock::new())) };
    agree("linear map", &device, [[70, 50], [90, 50], [1, 90]], |_, [x, w, b]| linear(x, map(w, b)));
    for mask in dropouts() {
        let shapes = [[70, 50], [300, 50], [1, 300], [50, 300], [1, 50]];
        agree("feed-forward", &device, shapes, |_, [x, w1, b1, w2, b2]| {
            feed_forward(x, [map(w1, b1), map(w2, b2)], 0..70, mask)
        });
        agree("norm", &device, [[70, 75], [70, 75], [1, 75], [1, 75]], |_, [x, y, w, b]| {
            add_norm(x, y, row(w), row(b), mask)
        });
        agree("dropout", &device, [[70, 75]], |_, [x]| drop_out(x, mask));
        // More keys and more columns of a head than a cube has units; padding; and what comes later is not seen.
        agree("self-attention", &device, [[3 * 45, 3 * 80]], |device, [qkv]| {
            let causal: Vec<f32> = (0..45 * 45).map(|i| if i % 45 > i / 45 { -1e9 } else { 0.0 }).collect();
            let causal = Tensor::from_data(TensorData::new(causal, [1, 1, 45, 45]), device);
            self_attention(qkv, 3, 2, Some(causal), mask)
        });
        agree("cross-attention", &device, [[3 * 7, 80], [3 * 70, 160]], |device, [query, memory]| {
            let padding: Vec<f32> = (0..3 * 70).map(|i| if i % 70 > 40 + i / 70 { -1e9 } else { 0.0 }).collect();
            let padding = Tensor::from_data(TensorData::new(padding, [3, 1, 1, 70]), device);
            cross_attention(query, memory, 3, 2, Some(padding), mask)
        });
    }
    // More sentences than a grid has cubes along any of its sides.
    agree("attention of many sentences", &device, [[70_000, 2], [70_000, 4]], |_, [query, memory]| {
        cross_attention(query, memory, 70_000, 2, None, Mask::NONE)
    });
    agree("gate", &device, [[150, 6]], |_, [logits]| {
        let (probabilities, sums) = gate(logits);
        probabilities * sums.unsqueeze()
    });
}

#[test]
fn look_up_and_losses_are_those_of_the_cpu_in_any_blocks() {
    let Some(device) = vulkan("losses on vulkan") else { return };
    let (rows, embed_dim, vocab) = (50, 20, 700);
    let ids: Vec<u32> = (0..rows as u32).map(|i| if i % 7 == 3 { PAD } else { i * i % 31 + 2 }).collect();
    let both = [&device, &Device::flex()];
    let [found, want] = both.map(|device| {
        let (table, positions) = (tensor(1, [vocab, embed_dim], device), tensor(2, [60, embed_dim], device));
        let looked_up = embed(table.clone(), &positions, &ids, &(0..rows as u32).collect::<Vec<_>>());
        let gradient = tensor(3, [rows, embed_dim - 4], device);
        vec![host(looked_up), host(add_embedding_gradient(table, gradient, &ids))]
    });
    assert_near("look-up", &found, &want);

    for taught in [false, true] {
        let soft = |device: &Device| SoftTargets {
            hidden: tensor(6, [rows, 9], device),
            table: tensor(7, [vocab, 9], device),
            share: 0.4,
        };
        let inputs = |device: &Device| (tensor(4, [rows, embed_dim], device), tensor(5, [vocab, embed_dim], device));
        let cpu = Device::flex();
        let (hidden, table) = inputs(&cpu);
        let soft_targets = soft(&cpu);
        let targets = Targets { soft: taught.then_some(&soft_targets), ..Targets::hard(&ids, 0.1) };
        let evaluated = losses::evaluate(hidden.clone(), table.clone(), targets, FloatDType::F32, None);
        let found = losses::differentiate(hidden, table, targets, FloatDType::F32, 2.0);
        let sums = found.losses.read(None);
        assert!((evaluated.loss - sums.loss).abs() < 1e-9 * sums.loss);
        let want = [vec![sums.loss as f32, sums.nll as f32], host(found.hidden_gradient), host(found.table_gradient)];

        let soft_targets = soft(&device);
        let targets = Targets { soft: taught.then_some(&soft_targets), ..Targets::hard(&ids, 0.1) };
        let (hidden, table) = inputs(&device);
        let evaluated = losses::evaluate(hidden.clone(), table.clone(), targets, FloatDType::F32, None);
        for block in [16 * vocab, 1 << 20] {
            let (rows, gradients) =
                projection::in_blocks(hidden.clone(), table.clone(), targets, FloatDType::F32, 2.0, block);
            let sums = losses::Losses::Rows(Box::new(rows), evaluated.tokens).read(None);
            assert_eq!((sums.loss, sums.nll), (evaluated.loss, evaluated.nll));
            let [of_hidden, of_table] = gradients.map(host);
            let found = [vec![sums.loss as f32, sums.nll as f32], of_hidden, of_table];
            assert_near(&format!("loss, taught: {taught}, blocks of {block}"), &found, &want);
        }
    }
}

#[test]
fn many_parameters_take_their_steps_in_few_launches() {
    let Some(device) = vulkan("the optimizer on vulkan") else { return };
    let shapes: Vec<[usize; 2]> = (1..20).map(|i| [1 + i * 5 % 7, 3 + 37 * i]).collect();
    let step = |i: usize| AdamStep {
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
        step_size: 0.01 * i as f32,
        keep: 0.99,
        gradient_scale: 0.5,
    };
    let [found, want] = [&device, &Device::flex()].map(|device| {
        let parameter = |(i, &[rows, columns]): (usize, &[usize; 2])| {
            let part = [rows.div_ceil(2), columns - 1];
            let gradient = (tensor(200 + i as u64, part, device), [1, part[0], part[1]]);
            Stepped {
                state: [0, 1, 2].map(|k| tensor(3 * i as u64 + k, [rows, columns], device).abs()),
                whole: [1, rows, columns],
                gradient: (i % 4 != 1).then_some(gradient),
                steps: vec![Some(step(i))],
            }
        };
        let parameters: Vec<Stepped> = shapes.iter().enumerate().map(parameter).collect();
        let gradients: Vec<_> = parameters.iter().filter_map(|p| Some(p.gradient.clone()?.0)).collect();
        let squares = sum_of_squares(&gradients) as f32;
        let state = adam(parameters).into_iter().flatten().map(host);
        [vec![squares]].into_iter().chain(state).collect::<Vec<_>>()
    });
    assert_near("Adam", &found, &want);
}
