//! The operators with a backward pass of their own, as burn's extensions take them. [`super::operators`] are their documented form.

use super::dropout::Mask;
use super::routing::Assignment;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::Tensor;
use std::ops::Range;
use std::sync::Arc;

/// How one attention is set up.
#[derive(Debug, Clone)]
pub struct AttentionSetup {
    /// Sentences.
    pub batch: usize,
    /// Heads.
    pub heads: usize,
    /// Of the weights.
    pub dropout: Mask,
    /// Added to the scores, without autodiff: `[batch or 1, 1, queries or 1, keys]`.
    pub mask: Option<Tensor<4>>,
}

/// The operators of all devices.
#[cfg_attr(feature = "gpu", backend_extension(Flex, Cube, Autodiff))]
#[cfg_attr(not(feature = "gpu"), backend_extension(Flex, Autodiff))]
#[allow(missing_docs)]
pub trait Kernels: Backend {
    fn linear(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;

    fn feed_forward(
        x: FloatTensor<Self>,
        weight1: FloatTensor<Self>,
        bias1: FloatTensor<Self>,
        weight2: FloatTensor<Self>,
        bias2: FloatTensor<Self>,
        rows: Range<usize>,
        dropout: Mask,
    ) -> FloatTensor<Self>;

    fn self_attention(qkv: FloatTensor<Self>, setup: AttentionSetup) -> FloatTensor<Self>;

    fn cross_attention(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        setup: AttentionSetup,
    ) -> FloatTensor<Self>;

    fn add_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        dropout: Mask,
    ) -> FloatTensor<Self>;

    fn dropout(x: FloatTensor<Self>, dropout: Mask) -> FloatTensor<Self>;
}

/// Those of the CPU alone.
#[backend_extension(Flex, Autodiff)]
#[allow(missing_docs)]
pub trait Sorting: Backend {
    fn gather(x: FloatTensor<Self>, assignment: Arc<Assignment>) -> FloatTensor<Self>;

    fn combine(
        entries: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        assignment: Arc<Assignment>,
    ) -> FloatTensor<Self>;
}
