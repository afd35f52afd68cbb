//! A mixture of experts on graphics devices as one operator with a backward pass of its own: tokens are routed and sorted on
//! the device, and each product is one launch for all experts. Nothing is read to the host.

use super::autodiff::incoming;
use super::product::{self, Product};
use super::routing::Routing;
use super::rows;
use super::tensor::{CubeTensor, contiguous};
use super::{gates, linear};
use crate::kernels::autodiff::{parents, register, track};
use crate::kernels::dropout::Mask;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
use std::sync::Arc;

/// The operators, as burn's extensions take them. [`crate::kernels::operators::mixture`] and
/// [`crate::kernels::operators::gate`] are their documented forms.
#[backend_extension(Cube, Autodiff)]
#[allow(missing_docs, clippy::too_many_arguments)]
pub trait Grouped: Backend {
    fn softmax(logits: FloatTensor<Self>) -> FloatTensor<Self>;

    fn column_sums(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        routing: Arc<Routing>,
        dropout: Mask,
    ) -> FloatTensor<Self>;
}

/// The weights of a layer's experts, one above the other; an expert narrower than the widest uses the first of its F hidden
/// elements.
pub struct ExpertWeights {
    /// `[experts, F, embed]`
    pub weight1: Tensor<3>,
    /// `[experts, F]`
    pub bias1: Tensor<2>,
    /// `[experts, embed, F]`
    pub weight2: Tensor<3>,
    /// `[experts, embed]`
    pub bias2: Tensor<2>,
}

/// The forward pass's results.
struct Forward {
    /// `[entries, F]`, after dropout.
    hidden: CubeTensor,
    /// `[entries, embed]`
    entries: CubeTensor,
    /// `[tokens, embed]`
    output: CubeTensor,
}

fn forward(
    [x, probabilities, weight1, bias1, weight2, bias2]: [&CubeTensor; 6],
    routing: &Routing,
    dropout: Mask,
) -> Forward {
    let (ffn, embed) = (weight1.shape()[1], weight1.shape()[2]);
    let hidden = product::rows(Product::Hidden, [x, weight1, bias1], routing, ffn, dropout);
    let entries = product::rows(Product::Output, [&hidden, weight2, bias2], routing, embed, Mask::NONE);
    let output = rows::combine(x, &entries, probabilities, routing);
    Forward { hidden, entries, output }
}

impl Grouped for Cube {
    fn softmax(logits: FloatTensor<Self>) -> FloatTensor<Self> {
        gates::softmax(&contiguous(logits))
    }

    fn column_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        linear::column_sums(&contiguous(x))
    }

    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        routing: Arc<Routing>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        let inputs = [x, probabilities, weight1, bias1, weight2, bias2].map(contiguous);
        forward(inputs.each_ref(), &routing, dropout).output
    }
}

impl<C: CheckpointStrategy> Grouped for Autodiff<Cube, C> {
    fn softmax(logits: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Softmax;
        impl Backward<Cube, 1> for Softmax {
            type State = CubeTensor;
            fn backward(self, ops: Ops<CubeTensor, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let of_logits = gates::softmax_gradient(&gradient, &ops.state);
                register::<Cube, _>(parents(&ops), [of_logits], gradients);
            }
        }
        let (logits, node) = logits.into_parts();
        let output = Cube::softmax(logits);
        track::<Cube, C, _, _, _>(Softmax, [node], output.clone(), output)
    }

    fn column_sums(x: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ColumnSums;
        impl Backward<Cube, 1> for ColumnSums {
            /// Shape of what was summed.
            type State = [usize; 2];
            fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let [rows, columns] = ops.state;
                let row = Cube::float_reshape(gradients.consume::<Cube>(&ops.node), Shape::new([1, columns]));
                let gradient = Cube::float_expand(row, Shape::new([rows, columns]));
                register::<Cube, _>(parents(&ops), [gradient], gradients);
            }
        }
        let (x, node) = x.into_parts();
        let shape = [x.shape()[0], x.shape()[1]];
        track::<Cube, C, _, _, _>(ColumnSums, [node], shape, Cube::column_sums(x))
    }

    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        routing: Arc<Routing>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Mixture;
        #[derive(Debug, Clone)]
        struct State {
            x: CubeTensor,
            probabilities: CubeTensor,
            weights: [CubeTensor; 2],
            hidden: CubeTensor,
            entries: CubeTensor,
            routing: Arc<Routing>,
            dropout: Mask,
        }
        impl Backward<Cube, 6> for Mixture {
            type State = State;
            fn backward(self, ops: Ops<State, 6>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = incoming(&ops, gradients);
                let parents = parents(&ops);
                let State { x, probabilities, weights: [weight1, weight2], hidden, entries, routing, dropout } =
                    ops.state;
                let (ffn, embed) = (weight1.shape()[1], weight1.shape()[2]);
                let spread = rows::spread(&gradient, &probabilities, &routing);
                let gates = rows::gates(&gradient, &x, &entries, &routing);
                let slopes =
                    product::rows(Product::HiddenGradient, [&spread, &weight2, &hidden], &routing, ffn, dropout);
                let [weight2_gradient, bias2_gradient] = product::weights(&spread, &hidden, &routing, false);
                let [weight1_gradient, bias1_gradient] = product::weights(&slopes, &x, &routing, true);
                let inputs =
                    product::rows(Product::InputGradient, [&slopes, &weight1, &weight1], &routing, embed, Mask::NONE);
                let tokens = rows::collect(&inputs, &spread, &routing);
                let values = [tokens, gates, weight1_gradient, bias1_gradient, weight2_gradient, bias2_gradient];
                register::<Cube, _>(parents, values, gradients);
            }
        }
        let [a, b, c, d, e, f] = [x, probabilities, weight1, bias1, weight2, bias2].map(|tensor| tensor.into_parts());
        let nodes = [a.1, b.1, c.1, d.1, e.1, f.1];
        let inputs = [a.0, b.0, c.0, d.0, e.0, f.0].map(contiguous);
        let Forward { hidden, entries, output } = forward(inputs.each_ref(), &routing, dropout);
        let [x, probabilities, weight1, _, weight2, _] = inputs;
        let state = State { x, probabilities, weights: [weight1, weight2], hidden, entries, routing, dropout };
        track::<Cube, C, _, _, _>(Mixture, nodes, state, output)
    }
}
