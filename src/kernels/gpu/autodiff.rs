//! The operators' gradients on graphics devices, registered with burn's autodiff.

use super::attention::Attention;
use super::tensor::{CubeTensor, cast, contiguous, empty_of, transposed};
use super::{linear, norm};
use crate::kernels::autodiff::{parents, register, track};
use crate::kernels::dropout::Mask;
use crate::kernels::extension::{AttentionSetup, Kernels};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Cube, TensorMetadata};
use burn::tensor::DType;
use std::ops::Range;

/// The gradient that has come to an operator, in single precision.
pub(super) fn incoming<S, const N: usize>(ops: &Ops<S, N>, gradients: &mut Gradients) -> CubeTensor {
    contiguous(gradients.consume::<Cube>(&ops.node))
}

fn like(tensor: &CubeTensor) -> CubeTensor {
    empty_of(tensor, tensor.shape().to_vec(), DType::F32)
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Cube, C> {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Linear;
        impl Backward<Cube, 3> for Linear {
            /// x, in the weight's precision, and the weight.
            type State = [CubeTensor; 2];
            fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let [x, weight] = ops.state;
                register::<Cube, _>(parents, linear::linear_gradients(&gradient, &x, &weight), gradients);
            }
        }
        let ((x, x_node), (weight, weight_node), (bias, bias_node)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let state = [cast(contiguous(x), weight.dtype), contiguous(weight)];
        let output = linear::linear(&state[0], &state[1], &contiguous(bias));
        track::<Cube, C, _, _, _>(Linear, [x_node, weight_node, bias_node], state, output)
    }

    fn feed_forward(
        x: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        _: Range<usize>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct FeedForward;
        #[derive(Debug, Clone)]
        struct State {
            /// In the weights' precision, as is `hidden`.
            x: CubeTensor,
            hidden: CubeTensor,
            weights: [CubeTensor; 2],
            dropout: Mask,
        }
        impl Backward<Cube, 5> for FeedForward {
            type State = State;
            fn backward(self, ops: Ops<State, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let State { x, hidden, weights: [weight1, weight2], dropout } = ops.state;
                let of_bias2 = linear::column_sums(&gradient);
                let gradient = cast(gradient, hidden.dtype);
                let of_weight2 = linear::product(transposed(&gradient), hidden.clone());
                let of_hidden = linear::product(gradient, weight2);
                let slopes = linear::before_activation(&of_hidden, &hidden, dropout);
                let [x, of_weight1, of_bias1] = linear::linear_gradients(&slopes, &x, &weight1);
                register::<Cube, _>(parents, [x, of_weight1, of_bias1, of_weight2, of_bias2], gradients);
            }
        }
        let (x, x_node) = x.into_parts();
        let ((weight1, node1), (bias1, node2)) = (weight1.into_parts(), bias1.into_parts());
        let ((weight2, node3), (bias2, node4)) = (weight2.into_parts(), bias2.into_parts());
        let (weights, biases) = ([weight1, weight2].map(contiguous), [bias1, bias2].map(contiguous));
        let x = cast(contiguous(x), weights[0].dtype);
        let hidden = linear::hidden(&x, &weights[0], &biases[0], dropout);
        let output = linear::linear(&hidden, &weights[1], &biases[1]);
        let state = State { x, hidden, weights, dropout };
        track::<Cube, C, _, _, _>(FeedForward, [x_node, node1, node2, node3, node4], state, output)
    }

    fn self_attention(qkv: FloatTensor<Self>, setup: AttentionSetup) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SelfAttention;
        impl Backward<Cube, 1> for SelfAttention {
            type State = ([CubeTensor; 2], AttentionSetup);
            fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let ([qkv, weights], setup) = ops.state;
                let found = like(&qkv);
                Attention::over_itself(&qkv, &setup).backward(&gradient, &weights, [&found, &found]);
                register::<Cube, _>(parents, [found], gradients);
            }
        }
        let (qkv, node) = qkv.into_parts();
        let qkv = contiguous(qkv);
        let [output, weights] = Attention::over_itself(&qkv, &setup).forward();
        track::<Cube, C, _, _, _>(SelfAttention, [node], ([qkv, weights], setup), output)
    }

    fn cross_attention(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        setup: AttentionSetup,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct CrossAttention;
        impl Backward<Cube, 2> for CrossAttention {
            type State = ([CubeTensor; 3], AttentionSetup);
            fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let ([query, key_value, weights], setup) = ops.state;
                let found = [like(&query), like(&key_value)];
                let attention = Attention::over_source(&query, &key_value, &setup);
                attention.backward(&gradient, &weights, found.each_ref());
                register::<Cube, _>(parents, found, gradients);
            }
        }
        let ((query, query_node), (key_value, key_value_node)) = (query.into_parts(), key_value.into_parts());
        let [query, key_value] = [query, key_value].map(contiguous);
        let [output, weights] = Attention::over_source(&query, &key_value, &setup).forward();
        let state = ([query, key_value, weights], setup);
        track::<Cube, C, _, _, _>(CrossAttention, [query_node, key_value_node], state, output)
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
        impl Backward<Cube, 4> for AddNorm {
            /// The normalised rows, their scales, and the weight.
            type State = ([CubeTensor; 3], Mask);
            fn backward(self, ops: Ops<Self::State, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let ([rows, scales, weight], dropout) = ops.state;
                let [x, y] = norm::backward(&gradient, [&rows, &scales], &weight, dropout);
                let [of_bias, of_weight] = linear::sums(&gradient, Some(&rows));
                register::<Cube, _>(parents, [x, y, of_weight, of_bias], gradients);
            }
        }
        let ((x, x_node), (y, y_node)) = (x.into_parts(), y.into_parts());
        let ((weight, weight_node), (bias, bias_node)) = (weight.into_parts(), bias.into_parts());
        let inputs = [x, y, weight, bias].map(contiguous);
        let norm::Normalized { output, rows, scales } = norm::forward(inputs.each_ref(), dropout);
        let [_, _, weight, _] = inputs;
        let nodes = [x_node, y_node, weight_node, bias_node];
        track::<Cube, C, _, _, _>(AddNorm, nodes, ([rows, scales, weight], dropout), output)
    }

    fn dropout(x: FloatTensor<Self>, dropout: Mask) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Dropped;
        impl Backward<Cube, 1> for Dropped {
            type State = Mask;
            fn backward(self, ops: Ops<Mask, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                register::<Cube, _>(parents(&ops), [linear::dropped(&gradient, ops.state)], gradients);
            }
        }
        let (x, node) = x.into_parts();
        track::<Cube, C, _, _, _>(Dropped, [node], dropout, Cube::dropout(x, dropout))
    }
}
