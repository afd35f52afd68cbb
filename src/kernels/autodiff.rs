//! How an operator with a backward pass of its own enters burn's autodiff, whatever its backend.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

/// Registers the gradients of an operator's inputs, each where it is asked for.
pub fn register<B: Backend, const N: usize>(
    parents: [Option<NodeId>; N],
    values: [FloatTensor<B>; N],
    gradients: &mut Gradients,
) {
    for (parent, value) in parents.into_iter().zip(values) {
        if let Some(parent) = parent {
            gradients.register::<B>(parent, value);
        }
    }
}

/// The inputs of an operator that ask for a gradient.
pub fn parents<S, const N: usize>(ops: &Ops<S, N>) -> [Option<NodeId>; N] {
    ops.parents.each_ref().map(|node| node.as_ref().map(|node| node.id))
}

/// The result `output` of `operator`, whose backward pass will find `state`.
pub fn track<B: Backend, C: CheckpointStrategy, O: Backward<B, N, State = S>, S, const N: usize>(
    operator: O,
    inputs: [NodeGuard; N],
    state: S,
    output: FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>>
where
    S: Clone + Send + std::fmt::Debug + 'static,
{
    match operator.prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(state, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}
