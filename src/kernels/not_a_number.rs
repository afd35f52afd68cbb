//! What is not a number stays so: wherever an element of an operator's input matters to an element of a result or of a
//! gradient, and is no number, that element is none either. On the CPU, and on a graphics device where there is one.

use super::operators::*;
use super::tests::{Owned, host, network, numbers};
use super::{AdamStep, Division, Dropout, Mask, Stepped, Targets, assign, losses};
use crate::test_devices::devices;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use std::sync::{Arc, OnceLock};

type Numbers = Vec<f32>;

/// Some of the bits that mean no number: the usual ones, with a sign, and with low bits that bit tricks trip over.
const NANS: [u32; 3] = [0x7FC0_0000, 0xFFC0_0000, 0x7FC0_0001];

/// Holds `operator` to the rule. What an element matters to is what changes when the element does.
fn holds(what: &str, inputs: &[Numbers], operator: impl Fn(&[Numbers]) -> Vec<Numbers>) {
    let with = |input: usize, place: usize, value: f32| {
        let mut inputs = inputs.to_vec();
        inputs[input][place] = value;
        operator(&inputs)
    };
    let before = operator(inputs);
    assert!(before.iter().flatten().all(|x| !x.is_nan()), "{what}: not a number without cause");
    let mut mattered = false;
    for (input, values) in inputs.iter().enumerate() {
        for place in [0, values.len() / 2, values.len() - 1] {
            let moved = [0.1, -0.1, 3.0, -3.0].map(|by| with(input, place, values[place] + by));
            for bits in NANS {
                let found = with(input, place, f32::from_bits(bits));
                for (result, (found, before)) in found.iter().zip(&before).enumerate() {
                    for element in 0..found.len() {
                        let matters =
                            moved.iter().any(|moved| moved[result][element].to_bits() != before[element].to_bits());
                        mattered |= matters;
                        assert!(
                            !matters || found[element].is_nan(),
                            "{what}: {bits:x} at {place} of input {input} gives {} at {element} of result {result}",
                            found[element]
                        );
                    }
                }
            }
        }
    }
    assert!(mattered, "{what}: nothing mattered");
}

/// The same for a differentiable operator: its results are the output and the gradients of all inputs; its inputs, one more,
/// the output's gradient.
fn holds_with_gradients<const N: usize>(
    what: &str,
    device: &Device,
    shapes: [[usize; 2]; N],
    output: [usize; 2],
    operator: impl Fn([Tensor<2>; N]) -> Tensor<2>,
) {
    let all = shapes.iter().chain([&output]).enumerate();
    let inputs: Vec<Numbers> = all.map(|(seed, shape)| numbers(seed as u64, shape.iter().product())).collect();
    holds(what, &inputs, |inputs| {
        let leaves: [Tensor<2>; N] = std::array::from_fn(|i| leaf(&inputs[i], shapes[i], device));
        let result = operator(leaves.clone());
        let weights = Tensor::from_inner(tensor(&inputs[N], output, device));
        let gradients = (result.clone() * weights).sum().backward();
        let gradient = |leaf: &Tensor<2>| host(leaf.grad(&gradients).expect("every input has a gradient"));
        [vec![host(result)], leaves.iter().map(gradient).collect()].concat()
    });
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn leaf<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_inner(tensor(values, shape, device)).require_grad()
}

/// Without dropout, with it, and with everything dropped.
fn dropouts() -> [Mask; 3] {
    [Mask::NONE, Dropout::new(3).mask(0.4), Dropout::new(3).mask(1.0)]
}

#[test]
fn linear_maps() {
    for (name, device) in devices("what is not a number in linear maps") {
        let [rows, input, output] = [5, 7, 18];
        let shapes = [[rows, input], [output, input], [1, output]];
        holds_with_gradients(&format!("{name}: linear"), &device, shapes, [rows, output], |[x, w, b]| {
            linear(x, Owned::new(w, b).map())
        });
        let inputs = [numbers(1, rows * input), numbers(2, output * input), numbers(3, output)];
        holds(&format!("{name}: inference"), &inputs, |inputs| {
            let x = tensor(&inputs[0], [rows, input], &device);
            let weight = tensor(&inputs[1], [output, input], &device);
            let map = Owned::new(weight.clone(), tensor(&inputs[2], [1, output], &device));
            vec![host(linear(x.clone(), map.map())), host(project(x, weight, FloatDType::F32, &OnceLock::new()))]
        });
    }
}

#[test]
fn feed_forward_networks() {
    for (name, device) in devices("what is not a number in feed-forward networks") {
        let [rows, embed, ffn] = [6, 5, 20];
        let shapes = [[rows, embed], [ffn, embed], [1, ffn], [embed, ffn], [1, embed]];
        for (some, mask) in [0..rows, 2..5].into_iter().flat_map(|rows| dropouts().map(|mask| (rows.clone(), mask))) {
            let what = format!("{name}: feed-forward of {some:?}, {mask:?}");
            holds_with_gradients(&what, &device, shapes, [rows, embed], |[x, rest @ ..]| {
                feed_forward(x, network(rest).each_ref().map(Owned::map), some.clone(), mask)
            });
        }
        let inputs: Vec<Numbers> = shapes.iter().map(|shape| numbers(7, shape.iter().product())).collect();
        holds(&format!("{name}: feed-forward at inference"), &inputs, |inputs| {
            let [x, rest @ ..]: [Tensor<2>; 5] = std::array::from_fn(|i| tensor(&inputs[i], shapes[i], &device));
            vec![host(feed_forward(x, network(rest).each_ref().map(Owned::map), 0..rows, Mask::NONE))]
        });
    }
}

#[test]
fn attention_of_sentences_and_of_steps() {
    for (name, device) in devices("what is not a number in attention") {
        let [batch, time, source, heads, width] = [2, 3, 5, 2, 8];
        // With every weight dropped, nothing would matter.
        let [none, some, _] = dropouts();
        for mask in [none, some] {
            let what = format!("{name}: self-attention, {mask:?}");
            holds_with_gradients(&what, &device, [[batch * time, 3 * width]], [batch * time, width], |[qkv]| {
                self_attention(qkv, batch, heads, None, mask)
            });
            let what = format!("{name}: cross-attention, {mask:?}");
            let shapes = [[batch * time, width], [batch * source, 2 * width]];
            holds_with_gradients(&what, &device, shapes, [batch * time, width], |[query, memory]| {
                let padding = [vec![0.0; source], vec![0.0, 0.0, 0.0, 0.0, -1e9]].concat();
                let padding = tensor(&padding, [batch, 1, 1, source], &device);
                cross_attention(query, memory, batch, heads, Some(padding), mask)
            });
        }
    }
    let [rows, heads, width] = [2, 2, 8];
    let positions: Vec<Numbers> = (0..3).map(|position| numbers(position, rows * 3 * width)).collect();
    holds("step", &positions, |positions| {
        let positions: Vec<Tensor<2>> =
            positions.iter().map(|position| tensor(position, [rows, 3 * width], &Device::flex())).collect();
        vec![host(step_attention(&positions, heads, &[vec![0, 0], vec![0, 1], vec![0, 1]]))]
    });
    let [sentences, source] = [1, 3];
    let inputs = [numbers(1, rows * width), numbers(2, source * 2 * width)];
    holds("step over the source", &inputs, |inputs| {
        let query = tensor(&inputs[0], [rows, width], &Device::flex());
        let key_value = tensor(&inputs[1], [source, 2 * width], &Device::flex());
        vec![host(step_cross_attention(query, key_value, sentences, heads, None))]
    });
}

#[test]
fn sums_that_are_normalised() {
    for (name, device) in devices("what is not a number in norms") {
        let [rows, dim] = [4, 18];
        for mask in dropouts() {
            let shapes = [[rows, dim], [rows, dim], [1, dim], [1, dim]];
            let what = format!("{name}: norm, {mask:?}");
            holds_with_gradients(&what, &device, shapes, [rows, dim], |[x, y, weight, bias]| {
                add_norm(x, y, weight.squeeze_dim(0), bias.squeeze_dim(0), mask)
            });
        }
    }
}

#[test]
fn entries_of_experts() {
    let device = Device::flex();
    let [tokens, experts, embed] = [7, 3, 5];
    for (top_k, capacity) in [(1, None), (2, None), (2, Some(3))] {
        let assignment = Arc::new(assign(&numbers(7, tokens * experts), experts, top_k, capacity, 1));
        holds_with_gradients("gather", &device, [[tokens, embed]], [tokens * top_k, embed], |[x]| {
            gather(x, &assignment)
        });
        let shapes = [[tokens * top_k, embed], [tokens, experts]];
        holds_with_gradients("combine", &device, shapes, [tokens, embed], |[x, p]| combine(x, p, &assignment));
    }
}

#[test]
fn look_up_and_its_gradient() {
    let [vocabulary, width] = [6, 4];
    let tokens = [5, 3, 3, crate::text::PAD];
    let inputs = [numbers(1, vocabulary * width), numbers(2, tokens.len() * width), numbers(3, tokens.len() * width)];
    for (name, device) in devices("what is not a number in look-ups") {
        holds(&format!("{name}: look-up"), &inputs, |inputs| {
            let table = tensor(&inputs[0], [vocabulary, width], &device);
            let positions = tensor(&inputs[1], [tokens.len(), width], &device);
            let gradient = tensor(&inputs[2], [tokens.len(), width], &device);
            let rows = embed(table.clone(), &positions, &tokens, &[0, 1, 2, 3]);
            vec![host(rows), host(add_embedding_gradient(table, gradient, &tokens))]
        });
    }
}

#[test]
fn losses() {
    let [rows, vocabulary, embed] = [4, 19, 5];
    let targets = Targets::hard(&[3, 18, crate::text::PAD, 7], 0.1);
    let inputs = [numbers(1, rows * embed), numbers(2, vocabulary * embed)];
    for (name, device) in devices("what is not a number in losses") {
        holds(&format!("{name}: loss"), &inputs, |inputs| {
            let hidden = tensor(&inputs[0], [rows, embed], &device);
            let table = tensor(&inputs[1], [vocabulary, embed], &device);
            let evaluated = losses::evaluate(hidden.clone(), table.clone(), targets, FloatDType::F32, None);
            let step = losses::differentiate(hidden, table, targets, FloatDType::F32, 1.0);
            let sums = step.losses.read(None);
            let sums = [evaluated.loss, evaluated.nll, sums.loss, sums.nll].map(|loss| loss as f32);
            vec![sums.to_vec(), host(step.hidden_gradient), host(step.table_gradient)]
        });
    }
}

const STEP: AdamStep =
    AdamStep { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, step_size: 0.1, keep: 0.99, gradient_scale: 0.5 };

/// Weight and moments `[4, 6]`, of which the gradient has the first `[3, 5]`.
fn adam_inputs() -> [Numbers; 4] {
    let positive = numbers(3, 24).iter().map(|x| 4.0 + x).collect();
    [numbers(1, 24), numbers(2, 24), positive, numbers(4, 15)]
}

fn step(state: [Tensor<2>; 3], gradient: (Tensor<2>, Division)) -> Vec<Numbers> {
    let parameter = Stepped { state, whole: [1, 4, 6], gradient: Some(gradient), steps: vec![Some(STEP)] };
    adam(vec![parameter]).into_iter().flatten().map(host).collect()
}

#[test]
fn steps_of_the_optimizer() {
    holds("Adam", &adam_inputs(), |inputs| {
        let device = Device::flex();
        let state = [0, 1, 2].map(|i| tensor(&inputs[i], [4, 6], &device));
        let gradient = (tensor(&inputs[3], [3, 5], &device), [1, 3, 5]);
        step(state, gradient)
    });
}

#[test]
fn the_most_probable_expert_is_what_is_not_a_number() {
    let probabilities = [0.2, 0.5, f32::NAN, 0.3, f32::NAN, 0.1];
    assert_eq!(assign(&probabilities, 3, 2, None, 0).experts, [2, 1, 1, 0]);
}

#[cfg(feature = "gpu")]
mod on_graphics_devices {
    use super::*;
    use crate::kernels::{ExpertWeights, Routing};
    use crate::test_devices::vulkan;
    use burn::tensor::Int;

    #[test]
    fn mixtures() {
        let Some(device) = vulkan("what is not a number in mixtures") else { return };
        let [tokens, embed, ffn, experts, top_k] = [6, 5, 9, 3, 2];
        let sizes = || Tensor::<1, Int>::from_data([9, 4, 0], &device);
        let routing =
            Arc::new(Routing::route(tensor(&numbers(9, tokens * experts), [tokens, experts], &device), sizes(), top_k));
        for mask in dropouts() {
            let shapes = [
                [tokens, embed],
                [tokens, experts],
                [experts * ffn, embed],
                [experts, ffn],
                [experts * embed, ffn],
                [experts, embed],
            ];
            holds_with_gradients(
                &format!("mixture, {mask:?}"),
                &device,
                shapes,
                [tokens, embed],
                |[x, p, w1, b1, w2, b2]| {
                    let weight1 = w1.reshape([experts, ffn, embed]);
                    let weight2 = w2.reshape([experts, embed, ffn]);
                    mixture(x, p, ExpertWeights { weight1, bias1: b1, weight2, bias2: b2 }, &routing, mask)
                },
            );
        }
        let probabilities = tensor(&[0.2, 0.5, f32::NAN, 0.3, f32::NAN, 0.1], [2, 3], &device);
        let chosen = Routing::route(probabilities, sizes(), top_k).experts_of_tokens();
        assert_eq!(chosen.into_data().try_into_vec::<i32>().unwrap(), [2, 1, 1, 0]);
    }

    #[test]
    fn steps_of_the_optimizer() {
        let Some(device) = vulkan("what is not a number in the optimizer") else { return };
        holds("Adam", &adam_inputs(), |inputs| {
            let state = [0, 1, 2].map(|i| tensor(&inputs[i], [4, 6], &device));
            let gradient = (tensor(&inputs[3], [3, 5], &device), [1, 3, 5]);
            step(state, gradient)
        });
    }
}
