//! A mixture of experts on graphics devices as one operator with a backward pass of its own: tokens are routed and sorted on
//! the device, and each product is one launch for all experts. Nothing is read to the host.

mod plan;
mod product;
mod rows;
#[cfg(test)]
mod tests;

pub use plan::Plan;

use crate::model::dropout::Mask;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{DType, FloatDType, Int, Shape, Tensor};
use cubecl::ir::{ElemType, FloatKind};
use cubecl::prelude::{BufferArg, CubeCount};
use product::Step;
use std::sync::Arc;

/// burn's tensor on a graphics device.
pub(super) type CubeTensor = FloatTensor<Cube>;

/// Whether the device can sort the entries of a layer of so many experts.
pub fn routes(experts: usize) -> bool {
    experts <= plan::MOST_EXPERTS
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

/// The same tensor with its elements in order of their indices.
pub(super) fn contiguous(tensor: CubeTensor) -> CubeTensor {
    if tensor.is_contiguous() {
        return tensor;
    }
    let shape = tensor.shape();
    let flat = Cube::float_reshape(tensor, Shape::new([shape.num_elements()]));
    Cube::float_reshape(flat, shape)
}

/// Cubes of `units` that have a unit for each of so many elements.
pub(super) fn cubes(elements: usize, units: usize) -> CubeCount {
    // Two dimensions, as each may have 65 535 cubes at the most.
    let cubes = elements.div_ceil(units);
    let wide = cubes.clamp(1, 32 * 1024);
    CubeCount::Static(wide as u32, cubes.div_ceil(wide) as u32, 1)
}

/// A kernel's argument.
pub(super) fn buffer(tensor: &CubeTensor) -> BufferArg {
    tensor.clone().into_buffer_arg()
}

/// The type of a tensor's elements, as kernels take it.
fn element(tensor: &CubeTensor) -> ElemType {
    ElemType::Float(match tensor.dtype {
        DType::F16 => FloatKind::F16,
        DType::BF16 => FloatKind::BF16,
        _ => FloatKind::F32,
    })
}

/// A tensor of `shape` on the device of `like`, of the same type, not yet written.
pub(super) fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_of(like, shape.to_vec(), like.dtype)
}

fn empty_of(like: &CubeTensor, shape: Vec<usize>, dtype: DType) -> CubeTensor {
    let bytes = shape.iter().product::<usize>() * dtype.size();
    let handle = like.client.empty(bytes);
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), Shape::from(shape), handle, dtype)
}

/// The tensor without autodiff as burn holds it on a graphics device.
pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    contiguous(tensor.try_into_primitive::<Cube>().expect("called on graphics devices only, without autodiff"))
}

fn primitive_int(tensor: Tensor<1, Int>) -> CubeTensor {
    tensor.try_into_primitive::<Cube>().expect("called on graphics devices only")
}
