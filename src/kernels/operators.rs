//! What the rooms above compute with. An operator runs where its tensors are; one that is for the CPU alone, or for graphics
//! devices alone, says so.

use super::adam_step::Stepped;
use super::cpu::matrix::{Matrix, contiguous, primitive, tensor};
use super::cpu::panels::Panels;
use super::cpu::{self, forward};
use super::dropout::Mask;
use super::extension::{AttentionSetup, Kernels, Sorting};
#[cfg(feature = "gpu")]
use super::gpu::{self, ExpertWeights, Routing, grouped::Grouped};
use super::plain;
use super::routing::Assignment;
use crate::device::{is_cpu, scalar};
use burn::backend::flex::FlexTensor;
use burn::backend::{Dispatch, Flex};
use burn::tensor::activation::softmax;
use burn::tensor::{FloatDType, Tensor};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A linear map's tensors.
#[derive(Debug, Clone)]
pub struct LinearMap<'a> {
    /// `[output, input]`
    pub weight: Tensor<2>,
    /// `[output]`
    pub bias: Tensor<1>,
    /// The weight for inference on the CPU, once it was asked for.
    pub panels: &'a OnceLock<Panels>,
}

impl LinearMap<'_> {
    fn panels(&self) -> &Panels {
        self.panels.get_or_init(|| Panels::of(primitive(self.weight.clone())))
    }
}

/// A weight, without autodiff, in `dtype`: operators compute products with it in that precision.
pub fn rounded<const D: usize>(weight: Tensor<D>, dtype: FloatDType) -> Tensor<D> {
    if dtype != FloatDType::BF16 || !is_cpu(&weight.device()) {
        return weight.cast(dtype);
    }
    Tensor::from_primitive::<Flex>(forward::rounded(primitive(weight)))
}

/// A weight, on the CPU and without autodiff, in 8-bit integers.
///
/// # Shapes
/// - weight: `[output, input]`
pub fn quantized(weight: Tensor<2>) -> Panels {
    Panels::quantized(primitive(weight))
}

/// `x Wᵀ + b`, the product in the weight's precision.
///
/// # Shapes
/// - x: `[rows, input]`
/// - output: `[rows, output]`
pub fn linear(x: Tensor<2>, map: LinearMap) -> Tensor<2> {
    if is_cpu(&x.device()) && !x.is_autodiff() && !map.weight.is_autodiff() {
        let product = forward::linear(primitive(x), map.panels(), primitive(map.bias.clone()));
        return Tensor::from_primitive::<Flex>(product);
    }
    Tensor::from_dispatch(Dispatch::linear(x.into_dispatch(), map.weight.into_dispatch(), map.bias.into_dispatch()))
}

/// `x Tᵀ`, the product in `dtype`, without gradients of our own; `panels` are the table's, where they were asked for before.
///
/// # Shapes
/// - x: `[rows, embed]`
/// - table: `[vocab, embed]`
/// - output: `[rows, vocab]`
pub fn project(x: Tensor<2>, table: Tensor<2>, dtype: FloatDType, panels: &OnceLock<Panels>) -> Tensor<2> {
    if x.is_autodiff() || table.is_autodiff() || !is_cpu(&x.device()) {
        return plain::product(x, table.transpose(), dtype);
    }
    let panels = panels.get_or_init(|| Panels::of(primitive(rounded(table, dtype))));
    Tensor::from_primitive::<Flex>(forward::project(primitive(x), panels))
}

/// `W₂ dropout(relu(W₁ x + b₁)) + b₂` in place of the rows `rows` of x; the other rows pass through.
///
/// # Shapes
/// - x, output: `[tokens, embed]`
pub fn feed_forward(x: Tensor<2>, network: [LinearMap; 2], rows: Range<usize>, dropout: Mask) -> Tensor<2> {
    let [tokens, embed] = x.dims();
    if !is_cpu(&x.device()) && rows != (0..tokens) {
        let some = [rows.clone(), 0..embed];
        let output = feed_forward(x.clone().slice(some.clone()), network, 0..rows.len(), dropout);
        return x.slice_assign(some, output);
    }
    if is_cpu(&x.device()) && !x.is_autodiff() && !network[0].weight.is_autodiff() {
        let biases = network.each_ref().map(|map| primitive(map.bias.clone()));
        let network = forward::network(network.each_ref().map(LinearMap::panels), &biases);
        return Tensor::from_primitive::<Flex>(forward::feed_forward_rows(primitive(x), network, rows, dropout).0);
    }
    let [fc1, fc2] = network;
    Tensor::from_dispatch(Dispatch::feed_forward(
        x.into_dispatch(),
        fc1.weight.into_dispatch(),
        fc1.bias.into_dispatch(),
        fc2.weight.into_dispatch(),
        fc2.bias.into_dispatch(),
        rows,
        dropout,
    ))
}

/// `√d · table[tokens] + sinusoids[positions]`, d the table's width. Padding takes its row as a constant: no gradient.
///
/// # Shapes
/// - table: `[vocab, d]`
/// - sinusoids: `[positions, d]`
/// - output: `[tokens, d]`
pub fn embed(table: Tensor<2>, sinusoids: &Tensor<2>, tokens: &[u32], positions: &[u32]) -> Tensor<2> {
    if table.is_tracked() {
        return plain::embed(table, sinusoids, tokens, positions);
    }
    #[cfg(feature = "gpu")]
    if !is_cpu(&sinusoids.device()) {
        return gpu::embedding::look_up(table, sinusoids.clone(), tokens, positions);
    }
    cpu::embedding::look_up(table, sinusoids.clone(), tokens, positions)
}

/// Adds to the rows `tokens` of `table` the gradient of [`embed`] with respect to them.
///
/// # Shapes
/// - table: `[vocab, d or more]`
/// - gradient: `[tokens, d]`
pub fn add_embedding_gradient(table: Tensor<2>, gradient: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if !is_cpu(&table.device()) {
        return gpu::embedding::add_rows(table, gradient, tokens);
    }
    cpu::embedding::add_rows(table, gradient, tokens)
}

/// Attention of each sentence over itself.
///
/// # Shapes
/// - qkv: queries, keys and values side by side, `[batch · time, 3 · qkv_dim]`
/// - mask: added to the scores, `[batch or 1, 1, time or 1, time]`
/// - output: `[batch · time, qkv_dim]`
pub fn self_attention(qkv: Tensor<2>, batch: usize, heads: usize, mask: Option<Tensor<4>>, dropout: Mask) -> Tensor<2> {
    let setup = AttentionSetup { batch, heads, dropout, mask };
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
    let setup = AttentionSetup { batch, heads, dropout, mask };
    Tensor::from_dispatch(Dispatch::cross_attention(query.into_dispatch(), key_value.into_dispatch(), setup))
}

/// Attention of the last of `positions` over all of them, without gradients, on the CPU.
///
/// # Shapes
/// - positions: queries, keys and values side by side, `[rows then, 3 · qkv_dim]` each
/// - ancestors: of each position, the row that each row descends from
/// - output: `[rows, qkv_dim]`
pub fn step_attention(positions: &[Tensor<2>], heads: usize, ancestors: &[Vec<u32>]) -> Tensor<2> {
    let positions: Vec<FlexTensor> = positions.iter().map(|position| primitive(position.clone())).collect();
    Tensor::from_primitive::<Flex>(cpu::step::attend(&positions, heads, ancestors))
}

/// Attention of one step's queries over the keys and values of their sentences, without gradients.
///
/// # Shapes
/// - query: `[rows, qkv_dim]`, the rows of a sentence adjoining
/// - key_value: keys and values side by side, `[sentences · source, 2 · qkv_dim]`
/// - mask: added to the scores, `[sentences, 1, 1, source]`
/// - output: `[rows, qkv_dim]`
pub fn step_cross_attention(
    query: Tensor<2>,
    key_value: Tensor<2>,
    sentences: usize,
    heads: usize,
    mask: Option<Tensor<4>>,
) -> Tensor<2> {
    if !is_cpu(&query.device()) {
        return cross_attention(query, key_value, sentences, heads, mask, Mask::NONE);
    }
    let mask = mask.map(|mask| primitive(mask).to_contiguous());
    let (query, key_value) = (primitive(query), primitive(key_value));
    Tensor::from_primitive::<Flex>(cpu::step::attend_source(&query, &key_value, sentences, heads, mask.as_ref()))
}

/// `LayerNorm(x + dropout(y))`
///
/// # Shapes
/// - x, y, output: `[rows, dim]`
pub fn add_norm(x: Tensor<2>, y: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, dropout: Mask) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::add_norm(
        x.into_dispatch(),
        y.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        dropout,
    ))
}

/// `x` times the factors of `dropout`, by the elements' numbers.
pub fn drop_out<const D: usize>(x: Tensor<D>, dropout: Mask) -> Tensor<D> {
    if dropout.is_none() { x } else { Tensor::from_dispatch(Dispatch::dropout(x.into_dispatch(), dropout)) }
}

/// The tokens sorted by expert, on the CPU.
///
/// # Shapes
/// - x: `[tokens, embed]`
/// - output: `[entries, embed]`
pub fn gather(x: Tensor<2>, assignment: &Arc<Assignment>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::gather(x.into_dispatch(), assignment.clone()))
}

/// Each token's sum over its entries, times their probabilities, on the CPU.
///
/// # Shapes
/// - entries: `[entries, embed]`
/// - probabilities: `[tokens, experts]`
/// - output: `[tokens, embed]`
pub fn combine(entries: Tensor<2>, probabilities: Tensor<2>, assignment: &Arc<Assignment>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::combine(entries.into_dispatch(), probabilities.into_dispatch(), assignment.clone()))
}

/// The probabilities of each token's experts, and their sums over the tokens, `[experts]`.
///
/// # Shapes
/// - logits, probabilities: `[tokens, experts]`
pub fn gate(logits: Tensor<2>) -> (Tensor<2>, Tensor<1>) {
    #[cfg(feature = "gpu")]
    if !is_cpu(&logits.device()) {
        let probabilities = Tensor::from_dispatch(Dispatch::softmax(logits.into_dispatch()));
        let sums = Dispatch::column_sums(probabilities.clone().into_dispatch());
        return (probabilities, Tensor::from_dispatch(sums));
    }
    let probabilities = softmax(logits, 1);
    (probabilities.clone(), probabilities.sum_dim(0).squeeze_dim(0))
}

/// Each token's sum over its experts of probability · FFN, on graphics devices. Products are in the weights' precision, gates
/// in single precision. `dropout` is that of the hidden elements.
///
/// # Shapes
/// - x, output: `[tokens, embed]`
/// - probabilities: `[tokens, experts]`
#[cfg(feature = "gpu")]
pub fn mixture(
    x: Tensor<2>,
    probabilities: Tensor<2>,
    weights: ExpertWeights,
    routing: &Arc<Routing>,
    dropout: Mask,
) -> Tensor<2> {
    let ExpertWeights { weight1, bias1, weight2, bias2 } = weights;
    let dtype = FloatDType::from(weight1.dtype());
    let output = Tensor::<2>::from_dispatch(Dispatch::mixture(
        x.cast(dtype).into_dispatch(),
        probabilities.into_dispatch(),
        weight1.into_dispatch(),
        bias1.cast(dtype).into_dispatch(),
        weight2.into_dispatch(),
        bias2.cast(dtype).into_dispatch(),
        routing.clone(),
        dropout,
    ));
    output.cast(FloatDType::F32)
}

/// A matrix each of whose rows is the sum of that row of `copies`, times the row's shares.
///
/// # Shapes
/// - copies, output: `[rows, columns]`
/// - shares: `[rows, copies]`
pub fn blend(copies: &[Tensor<2>], shares: Tensor<2>) -> Tensor<2> {
    if !is_cpu(&shares.device()) {
        return plain::blend(copies, shares);
    }
    let (copies, shares) = rows_of(copies, shares);
    let copies: Vec<Matrix> = copies.iter().map(Matrix::of).collect();
    let values = cpu::blend::forward(&copies, Matrix::of(&shares));
    Tensor::from_primitive::<Flex>(tensor(values, copies[0].dims()))
}

/// The gradients of [`blend`] with respect to each copy and to the shares, from that of its output.
pub fn blend_gradients(copies: &[Tensor<2>], shares: Tensor<2>, gradient: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
    if !is_cpu(&shares.device()) {
        return plain::blend_gradients(copies, shares, gradient);
    }
    let (copies, shares) = rows_of(copies, shares);
    let gradient = contiguous(primitive(gradient));
    let copies: Vec<Matrix> = copies.iter().map(Matrix::of).collect();
    let (shares, gradient) = (Matrix::of(&shares), Matrix::of(&gradient));
    let (of_copies, of_shares) = cpu::blend::backward(&copies, shares, gradient);
    let of = |values, dims| Tensor::from_primitive::<Flex>(tensor(values, dims));
    let of_copies = of_copies.into_iter().map(|values| of(values, gradient.dims()));
    (of_copies.collect(), of(of_shares, shares.dims()))
}

/// Tensors on the CPU whose rows can be read.
fn rows_of(copies: &[Tensor<2>], shares: Tensor<2>) -> (Vec<FlexTensor>, FlexTensor) {
    let copies = copies.iter().map(|copy| contiguous(primitive(copy.clone()))).collect();
    (copies, contiguous(primitive(shares)))
}

/// One step of Adam: of each parameter the weight, and its first and second moment, after the step. Where β1, β2, ε and the
/// gradients' scale are asked for, all steps have the same.
pub fn adam(parameters: Vec<Stepped>) -> Vec<[Tensor<2>; 3]> {
    #[cfg(feature = "gpu")]
    if parameters.first().is_some_and(|parameter| !is_cpu(&parameter.state[0].device())) {
        return gpu::adam::step(parameters);
    }
    let step = |Stepped { state, whole, gradient, steps }: Stepped| match steps[..] {
        [Some(step)] => cpu::adam::step(state, gradient.map(|(gradient, _)| gradient), step),
        _ => unreachable!("on the CPU a parameter of {whole:?} is held alone"),
    };
    parameters.into_iter().map(step).collect()
}

/// The sum of the squares of all elements. Waits for the device, once.
pub fn sum_of_squares(tensors: &[Tensor<2>]) -> f64 {
    #[cfg(feature = "gpu")]
    if tensors.first().is_some_and(|tensor| !is_cpu(&tensor.device())) {
        return gpu::adam::sum_of_squares(tensors);
    }
    let square = |tensor: &Tensor<2>| scalar((tensor.clone() * tensor.clone()).sum());
    tensors.iter().map(square).sum()
}
