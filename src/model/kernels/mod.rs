//! Our own operators. On the CPU each is one kernel with a backward pass of its own; on graphics devices [`grouped`] experts and
//! [`device_adam`] are. The others there, and all in the tests that compare the two, are plain compositions of burn's
//! operators, in [`plain`].

pub mod adam;
mod attention;
mod autodiff;
mod cpu;
#[cfg(feature = "gpu")]
pub mod device_adam;
pub mod embedding;
mod feed_forward;
#[cfg(feature = "gpu")]
pub mod grouped;
mod matrix;
mod norm;
#[cfg(test)]
mod not_a_number;
pub mod panels;
mod permute;
pub mod plain;
pub mod projection;
mod small;
mod step;
#[cfg(test)]
mod tests;
pub mod vector;

use super::dropout::Mask;
use super::experts::FeedForward;
use super::linear::{LayerNorm, Linear};
use super::routing::Assignment;
use crate::device::is_cpu;
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use matrix::primitive;
use panels::Panels;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// How one attention is set up.
#[derive(Debug, Clone)]
pub struct AttentionSetup {
    /// Sentences.
    pub batch: usize,
    /// Heads.
    pub heads: usize,
    /// Of the weights.
    pub dropout: Mask,
    /// Added to the scores: `[batch or 1, 1, queries or 1, keys]`.
    mask: Option<FlexTensor>,
}

/// The operators, as burn's extensions take them. The functions of this module are their documented form.
#[backend_extension(Flex, Autodiff)]
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

    fn gather(x: FloatTensor<Self>, assignment: Arc<Assignment>) -> FloatTensor<Self>;

    fn combine(
        entries: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        assignment: Arc<Assignment>,
    ) -> FloatTensor<Self>;
}

/// `x Wᵀ + b`
///
/// # Shapes
/// - x: `[rows, input]`
/// - output: `[rows, output]`
pub fn linear(x: Tensor<2>, map: &Linear) -> Tensor<2> {
    let (weight, bias) = (map.weight.val(), map.bias.val());
    if !is_cpu(&x.device()) {
        return plain::linear(x, weight, bias);
    }
    if !x.is_autodiff() && !weight.is_autodiff() {
        let panels = map.panels.get_or_init(|| Panels::of(primitive(weight)));
        return Tensor::from_primitive::<Flex>(cpu::linear(primitive(x), panels, primitive(bias)));
    }
    Tensor::from_dispatch(Dispatch::linear(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()))
}

/// `x Tᵀ`, without gradients of our own; `panels` are the table's, where they were asked for before.
///
/// # Shapes
/// - x: `[rows, embed]`
/// - table: `[vocab, embed]`
/// - output: `[rows, vocab]`
pub fn project(x: Tensor<2>, table: Tensor<2>, panels: &OnceLock<Panels>) -> Tensor<2> {
    if x.is_autodiff() || table.is_autodiff() || !is_cpu(&x.device()) {
        return x.matmul(table.transpose());
    }
    let panels = panels.get_or_init(|| Panels::of(primitive(table)));
    Tensor::from_primitive::<Flex>(cpu::project(primitive(x), panels))
}

/// `W₂ dropout(relu(W₁ x + b₁)) + b₂` in place of the rows `rows` of x; the other rows pass through.
///
/// # Shapes
/// - x, output: `[tokens, embed]`
pub fn feed_forward(x: Tensor<2>, network: &FeedForward, rows: Range<usize>, dropout: Mask) -> Tensor<2> {
    if !is_cpu(&x.device()) {
        return plain::feed_forward(x, network, rows, dropout);
    }
    let FeedForward { fc1, fc2 } = network;
    if !x.is_autodiff() && !fc1.weight.val().is_autodiff() {
        let panels = [fc1, fc2].map(|map| map.panels.get_or_init(|| Panels::of(primitive(map.weight.val()))));
        let biases = [fc1, fc2].map(|map| primitive(map.bias.val()));
        let network = cpu::network(panels, &biases);
        return Tensor::from_primitive::<Flex>(cpu::feed_forward_rows(primitive(x), network, rows, dropout).0);
    }
    Tensor::from_dispatch(Dispatch::feed_forward(
        x.into_dispatch(),
        network.fc1.weight.val().into_dispatch(),
        network.fc1.bias.val().into_dispatch(),
        network.fc2.weight.val().into_dispatch(),
        network.fc2.bias.val().into_dispatch(),
        rows,
        dropout,
    ))
}

/// Attention of each sentence over itself.
///
/// # Shapes
/// - qkv: queries, keys and values side by side, `[batch · time, 3 · qkv_dim]`
/// - mask: added to the scores, `[batch or 1, 1, time or 1, time]`
/// - output: `[batch · time, qkv_dim]`
pub fn self_attention(qkv: Tensor<2>, batch: usize, heads: usize, mask: Option<Tensor<4>>, dropout: Mask) -> Tensor<2> {
    if !is_cpu(&qkv.device()) {
        return plain::self_attention(qkv, batch, heads, mask, dropout);
    }
    let setup = AttentionSetup { batch, heads, dropout, mask: mask.map(on_host) };
    Tensor::from_dispatch(Dispatch::self_attention(qkv.into_dispatch(), setup))
}

/// Attention of each sentence's queries over its keys and values.
///
/// # Shapes
/// - query: `[batch · time, qkv_dim]`
/// - key_value: keys and values side by side, `[batch · source, 2 · qkv_dim]`
/// - mask: added to the scores, `[batch or 1, 1, time or 1, source]`
/// - output: `[batch · time, qkv_dim]`
pub fn cross_attention(
    query: Tensor<2>,
    key_value: Tensor<2>,
    batch: usize,
    heads: usize,
    mask: Option<Tensor<4>>,
    dropout: Mask,
) -> Tensor<2> {
    if !is_cpu(&query.device()) {
        return plain::cross_attention(query, key_value, batch, heads, mask, dropout);
    }
    let setup = AttentionSetup { batch, heads, dropout, mask: mask.map(on_host) };
    Tensor::from_dispatch(Dispatch::cross_attention(query.into_dispatch(), key_value.into_dispatch(), setup))
}

/// Attention of the last of `positions` over all of them, without gradients, on the CPU.
///
/// # Shapes
/// - positions: queries, keys and values side by side, `[rows then, 3 · qkv_dim]` each
/// - ancestors: of each position, the row that each row descends from
/// - output: `[rows, qkv_dim]`
pub(super) fn step_attention(positions: &[Tensor<2>], heads: usize, ancestors: &[Vec<u32>]) -> Tensor<2> {
    let positions: Vec<FlexTensor> = positions.iter().map(|position| primitive(position.clone())).collect();
    Tensor::from_primitive::<Flex>(step::attend(&positions, heads, ancestors))
}

/// `LayerNorm(x + dropout(y))`
///
/// # Shapes
/// - x, y, output: `[rows, dim]`
pub fn add_norm(x: Tensor<2>, y: Tensor<2>, norm: &LayerNorm, dropout: Mask) -> Tensor<2> {
    let (weight, bias) = (norm.weight.val(), norm.bias.val());
    if !is_cpu(&x.device()) {
        return plain::add_norm(x, y, weight, bias, dropout);
    }
    Tensor::from_dispatch(Dispatch::add_norm(
        x.into_dispatch(),
        y.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        dropout,
    ))
}

/// The tokens sorted by expert, on the CPU.
///
/// # Shapes
/// - x: `[tokens, embed]`
/// - output: `[entries, embed]`
pub(super) fn gather(x: Tensor<2>, assignment: &Arc<Assignment>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::gather(x.into_dispatch(), assignment.clone()))
}

/// Each token's sum over its entries, times their probabilities, on the CPU.
///
/// # Shapes
/// - entries: `[entries, embed]`
/// - probabilities: `[tokens, experts]`
/// - output: `[tokens, embed]`
pub(super) fn combine(entries: Tensor<2>, probabilities: Tensor<2>, assignment: &Arc<Assignment>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::combine(entries.into_dispatch(), probabilities.into_dispatch(), assignment.clone()))
}

fn on_host(mask: Tensor<4>) -> FlexTensor {
    primitive(mask).to_contiguous()
}
