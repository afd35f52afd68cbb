//! The operators' gradients on the CPU, registered with burn's autodiff.

use super::attention::{Attention, Scratch};
use super::forward::{feed_forward_rows, mask, network, over_itself, over_source};
use super::matrix::{Matrix, column_sums, contiguous, elements, tensor, whole};
use super::norm::Normalized;
use super::product::Weight;
use super::{feed_forward, norm, permute};
use crate::kernels::autodiff::{parents, register, track};
use crate::kernels::dropout::Mask;
use crate::kernels::extension::{AttentionSetup, Kernels, Sorting};
use crate::kernels::routing::Assignment;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Linear;
        impl Backward<Flex, 3> for Linear {
            type State = [FlexTensor; 2];
            fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let gradient = Matrix::of(&gradient);
                let [x, weight] = &ops.state;
                let (x, weight) = (Matrix::of(x), Weight::of(weight));
                let [x_parent, weight_parent, bias_parent] = parents(&ops);
                if let Some(parent) = x_parent {
                    gradients.register::<Flex>(parent, tensor(weight.input_gradient(gradient).fresh(), x.dims()));
                }
                let values = [
                    tensor(weight.gradient(gradient, x).fresh(), weight.dims()),
                    tensor(column_sums(gradient), [gradient.dims()[1]]),
                ];
                register::<Flex, _>([weight_parent, bias_parent], values, gradients);
            }
        }
        let ((x, x_node), (weight, weight_node), (bias, bias_node)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let (x, weight) = (contiguous(x), contiguous(weight));
        let output = Flex::linear(x.clone(), weight.clone(), bias);
        track::<Flex, C, _, _, _>(Linear, [x_node, weight_node, bias_node], [x, weight], output)
    }

    fn feed_forward(
        x: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        rows: Range<usize>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct FeedForward;
        #[derive(Debug, Clone)]
        struct State {
            input: FlexTensor,
            hidden: Arc<Vec<f32>>,
            weights: [FlexTensor; 2],
            biases: [FlexTensor; 2],
            rows: Range<usize>,
            dropout: Mask,
        }
        impl Backward<Flex, 5> for FeedForward {
            type State = State;
            fn backward(self, ops: Ops<State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let State { input, hidden, weights, biases, rows, dropout } = ops.state;
                let network = network(weights.each_ref().map(Weight::of), &biases);
                // The rows beside these pass their gradient on as it is.
                let mut gradient = whole(gradients.consume::<Flex>(&ops.node));
                let input = Matrix::of(&input);
                let [_, embed] = input.dims();
                let block = &mut gradient.storage_mut::<f32>()[rows.start * embed..rows.end * embed];
                let found = feed_forward::backward(input, &hidden, network, dropout, block);
                let ffn = found.bias1.len();
                let values = [
                    gradient,
                    tensor(found.weight1, [ffn, embed]),
                    tensor(found.bias1, [ffn]),
                    tensor(found.weight2, [embed, ffn]),
                    tensor(found.bias2, [embed]),
                ];
                register::<Flex, _>(parents, values, gradients);
            }
        }
        let (x, x_node) = x.into_parts();
        let ((weight1, node1), (bias1, node2)) = (weight1.into_parts(), bias1.into_parts());
        let ((weight2, node3), (bias2, node4)) = (weight2.into_parts(), bias2.into_parts());
        let (weights, biases) = ([weight1, weight2].map(contiguous), [bias1, bias2]);
        let found = feed_forward_rows(x, network(weights.each_ref().map(Weight::of), &biases), rows.clone(), dropout);
        let (output, input, hidden) = found;
        let nodes = [x_node, node1, node2, node3, node4];
        let state = State { input, hidden: Arc::new(hidden), weights, biases, rows, dropout };
        track::<Flex, C, _, _, _>(FeedForward, nodes, state, output)
    }

    fn self_attention(qkv: FloatTensor<Self>, setup: AttentionSetup) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SelfAttention;
        impl Backward<Flex, 1> for SelfAttention {
            type State = (FlexTensor, Arc<Vec<f32>>, AttentionSetup);
            fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let (qkv, weights, setup) = ops.state;
                let mask = mask(&setup);
                let attention = over_itself(&qkv, &setup, mask.as_ref());
                let [rows, width] = attention.query.dims();
                let mut out = vec![0.0; rows * 3 * width];
                out.par_chunks_mut(rows / setup.batch * 3 * width).enumerate().for_each_init(
                    Scratch::default,
                    |scratch, (sentence, out)| {
                        attention.backward_sentence(
                            sentence,
                            Matrix::of(&gradient),
                            &weights,
                            scratch,
                            |head, parts| {
                                for (part, values) in parts.into_iter().enumerate() {
                                    store(out, 3 * width, part * width, head, values, &attention);
                                }
                            },
                        );
                    },
                );
                register::<Flex, _>(parents, [tensor(out, [rows, 3 * width])], gradients);
            }
        }
        let (qkv, node) = qkv.into_parts();
        let (qkv, mask) = (contiguous(qkv), mask(&setup));
        let attention = over_itself(&qkv, &setup, mask.as_ref());
        let (context, weights) = attention.context_and_weights();
        let output = tensor(context, attention.query.dims());
        track::<Flex, C, _, _, _>(SelfAttention, [node], (qkv, Arc::new(weights), setup), output)
    }

    fn cross_attention(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        setup: AttentionSetup,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct CrossAttention;
        impl Backward<Flex, 2> for CrossAttention {
            type State = ([FlexTensor; 2], Arc<Vec<f32>>, AttentionSetup);
            fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let ([query, key_value], weights, setup) = ops.state;
                let mask = mask(&setup);
                let attention = over_source(&query, &key_value, &setup, mask.as_ref());
                let ([rows, width], [sources, _]) = (attention.query.dims(), attention.key.dims());
                let mut query_out = vec![0.0; rows * width];
                let mut key_value_out = vec![0.0; sources * 2 * width];
                let queries = query_out.par_chunks_mut(rows / setup.batch * width);
                let key_values = key_value_out.par_chunks_mut(sources / setup.batch * 2 * width);
                queries.zip(key_values).enumerate().for_each_init(
                    Scratch::default,
                    |scratch, (sentence, (query, key_value))| {
                        let gradient = Matrix::of(&gradient);
                        attention.backward_sentence(sentence, gradient, &weights, scratch, |head, [q, k, v]| {
                            store(query, width, 0, head, q, &attention);
                            store(key_value, 2 * width, 0, head, k, &attention);
                            store(key_value, 2 * width, width, head, v, &attention);
                        });
                    },
                );
                let values = [tensor(query_out, [rows, width]), tensor(key_value_out, [sources, 2 * width])];
                register::<Flex, _>(parents, values, gradients);
            }
        }
        let ((query, query_node), (key_value, key_value_node)) = (query.into_parts(), key_value.into_parts());
        let (inputs, mask) = ([query, key_value].map(contiguous), mask(&setup));
        let attention = over_source(&inputs[0], &inputs[1], &setup, mask.as_ref());
        let (context, weights) = attention.context_and_weights();
        let output = tensor(context, attention.query.dims());
        track::<Flex, C, _, _, _>(
            CrossAttention,
            [query_node, key_value_node],
            (inputs, Arc::new(weights), setup),
            output,
        )
    }

    fn add_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct AddNorm;
        impl Backward<Flex, 4> for AddNorm {
            type State = (Arc<Normalized>, FlexTensor, Mask);
            fn backward(self, ops: Ops<Self::State, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let gradient = Matrix::of(&gradient);
                let (normalized, weight, dropout) = ops.state;
                let found = norm::backward(gradient, &normalized, elements(&weight), dropout);
                let [_, dim] = gradient.dims();
                let x = tensor(found.x, gradient.dims());
                let y = found.y.map_or_else(|| x.clone(), |y| tensor(y, gradient.dims()));
                let values = [x, y, tensor(found.weight, [dim]), tensor(found.bias, [dim])];
                register::<Flex, _>(parents, values, gradients);
            }
        }
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let ((weight, weight_node), (bias, bias_node)) = (weight.into_parts(), bias.into_parts());
        let (x, y) = (contiguous(x), contiguous(y));
        let x = Matrix::of(&x);
        let (out, normalized) = norm::forward(x, Matrix::of(&y), elements(&weight), elements(&bias), dropout);
        let output = tensor(out, x.dims());
        let nodes = [x_node, y_node, weight_node, bias_node];
        track::<Flex, C, _, _, _>(AddNorm, nodes, (Arc::new(normalized), weight, dropout), output)
    }

    fn dropout(x: FloatTensor<Self>, dropout: Mask) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Dropped;
        impl Backward<Flex, 1> for Dropped {
            type State = Mask;
            fn backward(self, ops: Ops<Mask, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = gradients.consume::<Flex>(&ops.node);
                register::<Flex, _>(parents, [Flex::dropout(gradient, ops.state)], gradients);
            }
        }
        let (x, node) = x.into_parts();
        track::<Flex, C, _, _, 1>(Dropped, [node], dropout, Flex::dropout(x, dropout))
    }
}

impl<C: CheckpointStrategy> Sorting for Autodiff<Flex, C> {
    fn gather(x: FloatTensor<Self>, assignment: Arc<Assignment>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Gather;
        impl Backward<Flex, 1> for Gather {
            type State = Arc<Assignment>;
            fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let gradient = Matrix::of(&gradient);
                let values = permute::scatter(gradient, &ops.state);
                let shape = [ops.state.tokens(), gradient.dims()[1]];
                register::<Flex, _>(parents, [tensor(values, shape)], gradients);
            }
        }
        let (x, node) = x.into_parts();
        let output = Flex::gather(x, assignment.clone());
        track::<Flex, C, _, _, _>(Gather, [node], assignment, output)
    }

    fn combine(
        entries: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        assignment: Arc<Assignment>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Combine;
        impl Backward<Flex, 2> for Combine {
            type State = ([FlexTensor; 2], Arc<Assignment>);
            fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let parents = parents(&ops);
                let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
                let ([entries, probabilities], assignment) = ops.state;
                let (gradient, rows) = (Matrix::of(&gradient), Matrix::of(&entries));
                let (of_entries, of_probabilities) =
                    permute::combine_backward(gradient, rows, elements(&probabilities), &assignment);
                let shape = Matrix::of(&probabilities).dims();
                let values = [tensor(of_entries, rows.dims()), tensor(of_probabilities, shape)];
                register::<Flex, _>(parents, values, gradients);
            }
        }
        let ((entries, entries_node), (probabilities, probabilities_node)) =
            (entries.into_parts(), probabilities.into_parts());
        let inputs = [contiguous(entries), probabilities.to_contiguous()];
        let output = Flex::combine(inputs[0].clone(), inputs[1].clone(), assignment.clone());
        track::<Flex, C, _, _, _>(Combine, [entries_node, probabilities_node], (inputs, assignment), output)
    }
}

/// Copies a head's `[time, head_dim]` into its columns of rows of `width` elements, `start` columns on.
fn store(out: &mut [f32], width: usize, start: usize, head: usize, values: &[f32], attention: &Attention) {
    let dim = attention.query.dims()[1] / attention.heads;
    let column = start + head * dim;
    for (row, values) in out.chunks_exact_mut(width).zip(values.chunks_exact(dim)) {
        row[column..column + dim].copy_from_slice(values);
    }
}
