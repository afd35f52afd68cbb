//! A mixture of experts on graphics devices as one operator with a backward pass of its own: tokens are routed and sorted on
//! the device, and each product is one launch for all experts. Nothing is read to the host.

use super::plan::{MOST_EXPERTS, Plan};
use super::product::{self, Step};
use super::rows;
use super::tensor::{CubeTensor, contiguous};
use crate::kernels::dropout::Mask;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{FloatDType, Tensor};
use std::sync::Arc;

/// Whether the device can sort the entries of a layer of so many experts.
pub fn routes(experts: usize) -> bool {
    experts <= MOST_EXPERTS
}

/// The operator, as burn's extensions take it. [`mixture`] is its documented form.
#[backend_extension(Cube, Autodiff)]
#[allow(missing_docs, clippy::too_many_arguments)]
pub trait Grouped: Backend {
    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        plan: Arc<Plan>,
        dropout: Mask,
    ) -> FloatTensor<Self>;
}

/// The stacked weights of a layer's experts; an expert narrower than the widest uses the first of its F hidden elements.
pub struct Weights {
    /// `[experts, F, embed]`
    pub weight1: Tensor<3>,
    /// `[experts, F]`
    pub bias1: Tensor<2>,
    /// `[experts, embed, F]`
    pub weight2: Tensor<3>,
    /// `[experts, embed]`
    pub bias2: Tensor<2>,
}

/// Each token's sum over its experts of probability · FFN. Products are in the weights' precision, gates in single precision.
///
/// # Shapes
/// - x, output: `[tokens, embed]`
/// - probabilities: `[tokens, experts]`
pub fn mixture(x: Tensor<2>, probabilities: Tensor<2>, weights: Weights, plan: &Arc<Plan>, dropout: Mask) -> Tensor<2> {
    let Weights { weight1, bias1, weight2, bias2 } = weights;
    let dtype = FloatDType::from(weight1.dtype());
    let output = Tensor::<2>::from_dispatch(Dispatch::mixture(
        x.cast(dtype).into_dispatch(),
        probabilities.into_dispatch(),
        weight1.into_dispatch(),
        bias1.cast(dtype).into_dispatch(),
        weight2.into_dispatch(),
        bias2.cast(dtype).into_dispatch(),
        plan.clone(),
        dropout,
    ));
    output.cast(FloatDType::F32)
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
    plan: &Plan,
    dropout: Mask,
) -> Forward {
    let (ffn, embed) = (weight1.shape()[1], weight1.shape()[2]);
    let hidden = product::rows(Step::Hidden, [x, weight1, bias1], plan, ffn, dropout);
    let entries = product::rows(Step::Output, [&hidden, weight2, bias2], plan, embed, Mask::NONE);
    let output = rows::combine(x, &entries, probabilities, plan);
    Forward { hidden, entries, output }
}

impl Grouped for Cube {
    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        plan: Arc<Plan>,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        let inputs = [x, probabilities, weight1, bias1, weight2, bias2].map(contiguous);
        forward(inputs.each_ref(), &plan, dropout).output
    }
}

impl<C: CheckpointStrategy> Grouped for Autodiff<Cube, C> {
    fn mixture(
        x: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        plan: Arc<Plan>,
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
            plan: Arc<Plan>,
            dropout: Mask,
        }
        impl Backward<Cube, 6> for Mixture {
            type State = State;
            fn backward(self, ops: Ops<State, 6>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = contiguous(gradients.consume::<Cube>(&ops.node));
                let State { x, probabilities, weights: [weight1, weight2], hidden, entries, plan, dropout } = ops.state;
                let (ffn, embed) = (weight1.shape()[1], weight1.shape()[2]);
                let spread = rows::spread(&gradient, &probabilities, &plan);
                let gates = rows::gates(&gradient, &x, &entries, &plan);
                let slopes = product::rows(Step::HiddenGradient, [&spread, &weight2, &hidden], &plan, ffn, dropout);
                let [weight2_gradient, bias2_gradient] = product::weights(&spread, &hidden, &plan, false);
                let [weight1_gradient, bias1_gradient] = product::weights(&slopes, &x, &plan, true);
                let inputs =
                    product::rows(Step::InputGradient, [&slopes, &weight1, &weight1], &plan, embed, Mask::NONE);
                let tokens = rows::collect(&inputs, &spread, &plan);
                let values = [tokens, gates, weight1_gradient, bias1_gradient, weight2_gradient, bias2_gradient];
                for (parent, value) in ops.parents.into_iter().zip(values) {
                    if let Some(parent) = parent {
                        gradients.register::<Cube>(parent.id, value);
                    }
                }
            }
        }
        let [a, b, c, d, e, f] = [x, probabilities, weight1, bias1, weight2, bias2].map(|tensor| tensor.into_parts());
        let nodes = [a.1, b.1, c.1, d.1, e.1, f.1];
        let inputs = [a.0, b.0, c.0, d.0, e.0, f.0].map(contiguous);
        let Forward { hidden, entries, output } = forward(inputs.each_ref(), &plan, dropout);
        match Mixture.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let [x, probabilities, weight1, _, weight2, _] = inputs;
                let weights = [weight1, weight2];
                prepared.finish(State { x, probabilities, weights, hidden, entries, plan, dropout }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
