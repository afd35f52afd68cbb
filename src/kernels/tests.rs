//! Each operator against its plain composition: values, and the gradients of all inputs.

use super::losses::LossGradients;
use super::operators::*;
use super::{Assignment, Dropout, LossSums, Mask, Panels, SoftTargets, Targets, assign, losses, plain};
use crate::device::ids;
use crate::test_devices::devices;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::RngExt;
use std::sync::{Arc, OnceLock};

pub(super) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = crate::seed::stream(seed, "kernel tests", 0);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn leaf<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(numbers(seed, shape.iter().product()), shape);
    Tensor::from_inner(Tensor::from_data(data, &Device::flex())).require_grad()
}

pub(super) fn host<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec().unwrap()
}

fn assert_near(got: &[f32], want: &[f32], what: &str) {
    assert_near_by(1.0, got, want, what);
}

/// Elements differ by less than 2e-5 times `scale`; one that is no number is not near.
pub(super) fn assert_near_by(scale: f32, got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (place, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() < 2e-5 * scale, "{what}: {got} at {place}, not {want}");
    }
}

/// Compares the two ways with a loss that weighs every output element differently.
fn compare<const N: usize>(
    what: &str,
    inputs: [Tensor<2>; N],
    fused: impl Fn([Tensor<2>; N]) -> Tensor<2>,
    plain: impl Fn([Tensor<2>; N]) -> Tensor<2>,
) {
    let [fused, plain] = [&fused as &dyn Fn([Tensor<2>; N]) -> Tensor<2>, &plain].map(|way| {
        let output = way(inputs.clone());
        let weights = Tensor::from_data(
            TensorData::new(numbers(99, output.dims().iter().product()), output.dims()),
            &Device::flex(),
        );
        let gradients = (output.clone() * weights).sum().backward();
        let mut found = vec![host(output)];
        found.extend(inputs.iter().map(|x| x.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap()));
        found
    });
    for (index, (fused, plain)) in fused.iter().zip(&plain).enumerate() {
        assert_near(fused, plain, &format!("{what}, {index}"));
    }
}

fn row(x: Tensor<2>) -> Tensor<1> {
    x.squeeze_dim(0)
}

/// A linear map that owns its tensors.
pub(super) struct Owned {
    weight: Tensor<2>,
    bias: Tensor<1>,
    panels: OnceLock<Panels>,
}

impl Owned {
    pub(super) fn new(weight: Tensor<2>, bias: Tensor<2>) -> Self {
        Self { weight, bias: row(bias), panels: OnceLock::new() }
    }

    pub(super) fn map(&self) -> LinearMap<'_> {
        LinearMap { weight: self.weight.clone(), bias: self.bias.clone(), panels: &self.panels }
    }
}

/// Both maps of a feed-forward network.
pub(super) fn network([w1, b1, w2, b2]: [Tensor<2>; 4]) -> [Owned; 2] {
    [Owned::new(w1, b1), Owned::new(w2, b2)]
}

fn plain_network(network: &[Owned; 2]) -> [(Tensor<2>, Tensor<1>); 2] {
    network.each_ref().map(|map| (map.weight.clone(), map.bias.clone()))
}

fn dropout(rate: f64) -> Mask {
    if rate > 0.0 { Dropout::new(3).mask(rate) } else { Mask::NONE }
}

/// The tokens sorted by expert.
pub(super) fn gather_plainly(x: Tensor<2>, assignment: &Assignment) -> Tensor<2> {
    let order = ids(&assignment.token_order, &x.device().inner());
    x.select(0, order)
}

/// Each token's sum over its entries, times their probabilities.
pub(super) fn combine_plainly(entries: Tensor<2>, probabilities: Tensor<2>, assignment: &Assignment) -> Tensor<2> {
    let device = entries.device().inner();
    let [count, embed] = entries.dims();
    let [tokens, experts] = probabilities.dims();
    let gates = probabilities.reshape([tokens * experts]).select(0, ids(&assignment.probability_order, &device));
    let scaled = entries * gates.unsqueeze_dim::<2>(1);
    let ranked = scaled.select(0, ids(&assignment.inverse_order, &device)); // [rank · tokens, embed]
    match count / tokens {
        1 => ranked,
        top_k => ranked.reshape([top_k, tokens, embed]).sum_dim(0).squeeze_dim(0),
    }
}

#[test]
fn linear_maps_also_of_slices() {
    // The last is shared among threads.
    for [rows, input, output] in [[1, 1, 1], [5, 7, 3], [130, 20, 33], [128, 128, 128]] {
        compare(
            "linear",
            [leaf(1, [rows, input + 2]), leaf(2, [output + 1, input + 3]), leaf(3, [1, output])],
            |[x, w, b]| linear(x.narrow(1, 1, input), Owned::new(w.slice([0..output, 0..input]), b).map()),
            |[x, w, b]| plain::linear(x.narrow(1, 1, input), w.slice([0..output, 0..input]), row(b)),
        );
    }
}

/// The same numbers, rounded to bfloat16, as a leaf of that type or of single precision.
fn half_leaf(seed: u64, shape: [usize; 2], dtype: FloatDType) -> Tensor<2> {
    let halves = rounded(leaf(seed, shape).inner(), FloatDType::BF16).cast(FloatDType::F32);
    Tensor::from_inner(rounded(halves, dtype)).require_grad()
}

/// Outputs and the gradients of all inputs, of a loss that weighs every output element differently.
fn found<const N: usize>(inputs: [Tensor<2>; N], output: Tensor<2>) -> Vec<Vec<f32>> {
    let gradients = (output.clone() * half_leaf(99, output.dims(), FloatDType::F32).detach()).sum().backward();
    let of_inputs = inputs.iter().map(|x| host(x.grad(&gradients).unwrap().cast(FloatDType::F32)));
    [host(output)].into_iter().chain(of_inputs).collect()
}

/// All factors are numbers that bfloat16 holds: only sums are rounded, which are in single precision.
#[test]
fn linear_maps_of_weights_in_bfloat16() {
    for [rows, input, output] in [[1, 1, 1], [5, 7, 3], [130, 20, 33], [130, 129, 128]] {
        let [single, half] = [FloatDType::F32, FloatDType::BF16].map(|dtype| {
            let inputs = [
                half_leaf(1, [rows, input], FloatDType::F32),
                half_leaf(2, [output, input], dtype),
                leaf(3, [1, output]),
            ];
            let [x, w, b] = inputs.clone();
            found(inputs, linear(x, Owned::new(w, b).map()))
        });
        single.iter().zip(&half).for_each(|(single, half)| assert_near(half, single, "linear in bfloat16"));
        // For inference, from panels.
        let [x, w] = [half_leaf(1, [rows, input], FloatDType::F32), half_leaf(2, [output, input], FloatDType::BF16)];
        let map = Owned::new(w.inner(), leaf(3, [1, output]).inner());
        assert_eq!(host(linear(x.inner(), map.map())), half[0]);
    }
}

/// Hidden elements and their gradients are rounded, to 2⁻⁹ of their size.
#[test]
fn feed_forward_networks_of_weights_in_bfloat16() {
    for rows in [0..9, 3..7] {
        let [single, half] = [FloatDType::F32, FloatDType::BF16].map(|dtype| {
            let [x, w1, w2] = [(1, [9, 6]), (2, [20, 6]), (4, [6, 20])];
            let inputs = [
                half_leaf(x.0, x.1, FloatDType::F32),
                half_leaf(w1.0, w1.1, dtype),
                leaf(3, [1, 20]),
                half_leaf(w2.0, w2.1, dtype),
                leaf(5, [1, 6]),
            ];
            let [x, rest @ ..] = inputs.clone();
            found(inputs, feed_forward(x, network(rest).each_ref().map(Owned::map), rows.clone(), dropout(0.4)))
        });
        for (single, half) in single.iter().zip(&half) {
            let scale = single.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let worst = single.iter().zip(half).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= scale / 128.0, "{worst} where the largest is {scale}");
        }
    }
}

#[test]
fn feed_forward_of_all_rows_and_of_some() {
    for (rows, rate) in [(0..9, 0.0), (0..9, 0.4), (3..7, 0.0), (3..7, 0.4)] {
        let inputs = [leaf(1, [9, 6]), leaf(2, [20, 6]), leaf(3, [1, 20]), leaf(4, [6, 20]), leaf(5, [1, 6])];
        compare(
            "feed-forward",
            inputs,
            |[x, rest @ ..]| feed_forward(x, network(rest).each_ref().map(Owned::map), rows.clone(), dropout(rate)),
            |[x, rest @ ..]| plain::feed_forward(x, plain_network(&network(rest)), rows.clone(), dropout(rate)),
        );
    }
}

fn masks(batch: usize, time: usize, source: usize) -> Vec<Option<Tensor<4>>> {
    let device = Device::flex();
    let masked = |i: usize| if i % 3 == 1 { -1e9 } else { 0.0 };
    let of = |shape: [usize; 4]| {
        let values: Vec<f32> = (0..shape.iter().product()).map(masked).collect();
        Some(Tensor::from_data(TensorData::new(values, shape), &device))
    };
    vec![None, of([batch, 1, 1, source]), of([1, 1, time, source])]
}

#[test]
fn attention_with_every_kind_of_mask() {
    for ([batch, time, source, heads, dim], rate) in
        [([2, 3, 5, 2, 4], 0.0), ([3, 17, 21, 2, 24], 0.3), ([1, 4, 16, 1, 9], 0.5)]
    {
        let width = heads * dim;
        for mask in masks(batch, time, source) {
            compare(
                "cross-attention",
                [leaf(1, [batch * time, width]), leaf(2, [batch * source, 2 * width])],
                |[q, kv]| cross_attention(q, kv, batch, heads, mask.clone(), dropout(rate)),
                |[q, kv]| plain::cross_attention(q, kv, batch, heads, mask.clone(), dropout(rate)),
            );
        }
        for mask in masks(batch, time, time) {
            compare(
                "self-attention",
                [leaf(3, [batch * time, 3 * width])],
                |[qkv]| self_attention(qkv, batch, heads, mask.clone(), dropout(rate)),
                |[qkv]| plain::self_attention(qkv, batch, heads, mask.clone(), dropout(rate)),
            );
        }
    }
}

#[test]
fn some_rows_of_a_view_leave_what_it_was_taken_from_alone() {
    let network = network([leaf(2, [20, 6]), leaf(3, [1, 20]), leaf(4, [6, 20]), leaf(5, [1, 6])]);
    let tracked = leaf(1, [9, 6]);
    let before = host(tracked.clone());
    let x = tracked.clone().narrow(0, 2, 5);
    let fused = feed_forward(x.clone(), network.each_ref().map(Owned::map), 1..3, Mask::NONE);
    assert_near(
        &host(fused),
        &host(plain::feed_forward(x, plain_network(&network), 1..3, Mask::NONE)),
        "rows of a view",
    );
    assert_eq!(host(tracked), before);
}

#[test]
fn masked_keys_have_weight_zero() {
    // The second key is masked: the context is the first value, to the bit.
    let qkv = Tensor::<2>::from_data([[1.0, 2.0, 0.5, 0.5, 3.0, 4.0], [1.0, 1.0, 9.0, 9.0, 5.0, 6.0]], &Device::flex());
    let mask = Tensor::<4>::from_data([[[[0.0, -1e9]]]], &Device::flex());
    let context = self_attention(qkv, 1, 1, Some(mask), Mask::NONE);
    assert_eq!(context.into_data().try_into_vec::<f32>().unwrap(), [3.0, 4.0, 3.0, 4.0]);
}

#[test]
fn norm_of_a_sum() {
    for ([rows, dim], rate) in [([3, 5], 0.0), ([70, 48], 0.3), ([2, 33], 1.0)] {
        compare(
            "norm",
            [leaf(1, [rows, dim]), leaf(2, [rows, dim]), leaf(3, [1, dim]), leaf(4, [1, dim])],
            |[x, y, w, b]| add_norm(x, y, row(w), row(b), dropout(rate)),
            |[x, y, w, b]| plain::add_norm(x, y, row(w), row(b), dropout(rate)),
        );
    }
}

#[test]
fn tokens_to_their_experts_and_back() {
    for (top_k, capacity) in [(1, None), (2, None), (2, Some(4))] {
        let [tokens, experts, embed] = [11, 3, 5];
        let probabilities: Vec<f32> = numbers(7, tokens * experts).iter().map(|p| p.abs()).collect();
        let assignment = Arc::new(assign(&probabilities, experts, top_k, capacity, 1));
        compare(
            "gather",
            [leaf(1, [tokens, embed])],
            |[x]| gather(x, &assignment),
            |[x]| gather_plainly(x, &assignment),
        );
        compare(
            "combine",
            [leaf(2, [tokens * top_k, embed]), leaf(3, [tokens, experts])],
            |[x, p]| combine(x, p, &assignment),
            |[x, p]| combine_plainly(x, p, &assignment),
        );
    }
}

#[test]
fn a_step_is_the_last_row_of_the_whole() {
    // Two hypotheses of three positions; the second descends from the first one's first position.
    let (heads, width) = (2, 8);
    let positions: Vec<Tensor<2>> = (0..3).map(|i| leaf(i, [2, 3 * width]).inner()).collect();
    let context = step_attention(&positions, heads, &[vec![0, 0], vec![0, 1], vec![0, 1]]);
    for (row, path) in [[0, 0, 0], [0, 1, 1]].into_iter().enumerate() {
        let rows = positions.iter().zip(path).map(|(position, row)| position.clone().narrow(0, row, 1));
        let whole = plain::self_attention(Tensor::cat(rows.collect(), 0), 1, heads, None, Mask::NONE);
        assert_near(&host(context.clone().narrow(0, row, 1)), &host(whole.narrow(0, 2, 1)), "step");
    }
}

#[test]
fn a_step_over_the_source_is_attention_over_it() {
    let (heads, width) = (2, 40);
    for (sentences, beam, source) in [(1, 1, 1), (3, 1, 5), (2, 4, 7)] {
        let query = leaf(1, [sentences * beam, width]).inner();
        let key_value = leaf(2, [sentences * source, 2 * width]).inner();
        // The last place of each sentence but the first is padding.
        let padding = (0..sentences * source).map(|i| if i >= source && i % source == source - 1 { -1e9 } else { 0.0 });
        let padding = TensorData::new(padding.collect::<Vec<f32>>(), [sentences, 1, 1, source]);
        for mask in [None, Some(Tensor::<4>::from_data(padding, &Device::flex()))] {
            let step = step_cross_attention(query.clone(), key_value.clone(), sentences, heads, mask.clone());
            let whole = plain::cross_attention(query.clone(), key_value.clone(), sentences, heads, mask, Mask::NONE);
            assert_near(&host(step), &host(whole), &format!("{sentences} x {beam}, source {source}"));
        }
    }
}

#[test]
fn operators_work_without_autodiff_too() {
    let tracked = leaf(1, [6, 12]);
    let untracked = tracked.clone().inner();
    let run = |x| host(self_attention(x, 2, 2, None, Mask::NONE));
    let plainly: Vec<f32> = self_attention(untracked, 2, 2, None, Mask::NONE).into_data().try_into_vec().unwrap();
    assert_eq!(run(tracked), plainly);
}

/// Student logits 0 and ln 3, p = (1/4, 3/4); the teacher's ln 4 and 0, p = (4/5, 1/5). With ε = 0.2 the label, 0, stands for
/// (0.9, 0.1), and with a share of one half both together for (0.85, 0.15): the gradient of the logits is (-0.6, 0.6).
#[test]
fn soft_targets_by_hand() {
    let (three, four) = (3f32.ln(), 4f32.ln());
    // The second row is padding.
    let ids = [0, crate::text::PAD];
    let loss = -0.85 * 0.25f32.ln() - 0.15 * 0.75f32.ln();
    let want = [vec![loss, 4f32.ln()], vec![0.6 * three, 0.0], vec![-0.6, 0.6]];
    for (name, device) in devices("soft targets by hand") {
        let matrix = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let [hidden, table] = [matrix(&[1.0, 7.0], [2, 1]), matrix(&[0.0, three], [2, 1])];
        let soft = SoftTargets {
            hidden: matrix(&[four, 5.0, 1.0, 2.0], [2, 2]),
            table: matrix(&[1.0, 0.0, 0.0, 0.0], [2, 2]),
            share: 0.5,
        };
        let targets = Targets { soft: Some(&soft), ..Targets::hard(&ids, 0.2) };
        let leaves = [&hidden, &table].map(|x| Tensor::from_inner(x.clone()).require_grad());
        let losses = plain::losses(leaves[0].clone(), leaves[1].clone(), targets, FloatDType::F32);
        let gradients = losses.loss.backward();
        let [of_hidden, of_table] = leaves.map(|leaf| host(leaf.grad(&gradients).unwrap()));
        let sums = |sums: LossSums| [sums.loss, sums.nll].map(|sum| sum as f32).to_vec();
        let plain = [sums(losses.read()), of_hidden, of_table];
        let LossGradients { losses, hidden_gradient, table_gradient } =
            losses::differentiate(hidden, table, targets, FloatDType::F32, 1.0);
        let fused = [sums(losses.read(None)), host(hidden_gradient), host(table_gradient)];
        for (way, found) in [("plain", plain), ("fused", fused)] {
            found.iter().zip(&want).for_each(|(got, want)| assert_near(got, want, &format!("{way} on {name}")));
        }
    }
}
