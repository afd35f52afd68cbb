//! The operators on the CPU, without gradients.

use super::attention::{Attention, Bias};
use super::bfloat16::{self, Path};
use super::feed_forward::{self, Network, Outputs};
use super::matrix::{Matrix, add_bias, contiguous, elements, primitive, tensor, whole};
use super::panels::Panels;
use super::product::{Product, Weight};
use super::{norm, permute};
use crate::kernels::dropout::Mask;
use crate::kernels::extension::{AttentionSetup, Kernels, Sorting};
use crate::kernels::routing::Assignment;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;
use std::ops::Range;
use std::sync::Arc;

impl Kernels for Flex {
    fn linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let (x, weight) = (Matrix::of(&x), Weight::of(&weight));
        let mut out = weight.output(x).fresh();
        add_bias(&mut out, elements(&bias));
        tensor(out, [x.dims()[0], weight.dims()[0]])
    }

    fn feed_forward(
        x: FlexTensor,
        weight1: FlexTensor,
        bias1: FlexTensor,
        weight2: FlexTensor,
        bias2: FlexTensor,
        rows: Range<usize>,
        dropout: Mask,
    ) -> FlexTensor {
        let (weights, biases) = ([weight1, weight2], [bias1, bias2]);
        feed_forward_rows(x, network(weights.each_ref().map(Weight::of), &biases), rows, dropout).0
    }

    fn self_attention(qkv: FlexTensor, setup: AttentionSetup) -> FlexTensor {
        let (qkv, mask) = (contiguous(qkv), mask(&setup));
        let attention = over_itself(&qkv, &setup, mask.as_ref());
        tensor(attention.context(), attention.query.dims())
    }

    fn cross_attention(query: FlexTensor, key_value: FlexTensor, setup: AttentionSetup) -> FlexTensor {
        let (query, key_value, mask) = (contiguous(query), contiguous(key_value), mask(&setup));
        let attention = over_source(&query, &key_value, &setup, mask.as_ref());
        tensor(attention.context(), attention.query.dims())
    }

    fn add_norm(x: FlexTensor, y: FlexTensor, weight: FlexTensor, bias: FlexTensor, dropout: Mask) -> FlexTensor {
        let (x, y) = (contiguous(x), contiguous(y));
        let x = Matrix::of(&x);
        let (out, _) = norm::forward(x, Matrix::of(&y), elements(&weight), elements(&bias), dropout);
        tensor(out, x.dims())
    }

    fn dropout(x: FlexTensor, dropout: Mask) -> FlexTensor {
        let mut x = whole(x);
        dropout.multiply(x.storage_mut::<f32>());
        x
    }
}

impl Sorting for Flex {
    fn gather(x: FlexTensor, assignment: Arc<Assignment>) -> FlexTensor {
        let x = contiguous(x);
        let x = Matrix::of(&x);
        tensor(permute::gather(x, &assignment), [assignment.token_order.len(), x.dims()[1]])
    }

    fn combine(entries: FlexTensor, probabilities: FlexTensor, assignment: Arc<Assignment>) -> FlexTensor {
        let (entries, probabilities) = (contiguous(entries), probabilities.to_contiguous());
        let entries = Matrix::of(&entries);
        let out = permute::combine(entries, elements(&probabilities), &assignment);
        tensor(out, [assignment.tokens(), entries.dims()[1]])
    }
}

/// A weight (rank 2) in bfloat16.
pub fn rounded(weight: FlexTensor) -> FlexTensor {
    let weight = contiguous(weight);
    let matrix = Matrix::of(&weight);
    let [rows, columns] = matrix.dims();
    FlexTensor::from_data(TensorData::new(bfloat16::rounded(matrix, Path::best()), [rows, columns]))
}

/// `x Wᵀ + b` for inference.
pub fn linear(x: FlexTensor, weight: &Panels, bias: FlexTensor) -> FlexTensor {
    let x = Matrix::of(&x);
    let mut out = Product::Panels(x, weight).fresh();
    add_bias(&mut out, elements(&bias));
    tensor(out, [x.dims()[0], weight.dims()[0]])
}

/// `x Tᵀ` for inference.
pub fn project(x: FlexTensor, table: &Panels) -> FlexTensor {
    let x = Matrix::of(&x);
    tensor(Product::Panels(x, table).fresh(), [x.dims()[0], table.dims()[0]])
}

/// Both weights and biases.
pub fn network<W>([weight1, weight2]: [W; 2], [bias1, bias2]: &[FlexTensor; 2]) -> Network<'_, W> {
    Network { weight1, bias1: elements(bias1), weight2, bias2: elements(bias2) }
}

/// The output, and what the backward pass needs: the input rows and the hidden activations.
pub fn feed_forward_rows<W: Outputs>(
    x: FlexTensor,
    network: Network<W>,
    rows: Range<usize>,
    dropout: Mask,
) -> (FlexTensor, FlexTensor, Vec<f32>) {
    let x = contiguous(x);
    let [tokens, embed] = Matrix::of(&x).dims();
    if rows == (0..tokens) {
        let mut out = vec![0.0; tokens * embed];
        let hidden = feed_forward::forward(Matrix::of(&x), network, dropout, &mut out);
        return (tensor(out, [tokens, embed]), x, hidden);
    }
    // In place: nobody else holds the sorted tokens.
    let mut out = whole(x);
    let block = &mut out.storage_mut::<f32>()[rows.start * embed..rows.end * embed];
    let input = tensor(block.to_vec(), [rows.len(), embed]);
    let hidden = feed_forward::forward(Matrix::of(&input), network, dropout, block);
    (out, input, hidden)
}

/// Queries, keys and values side by side in rows that are contiguous.
pub(super) fn over_itself<'a>(
    qkv: &'a FlexTensor,
    setup: &AttentionSetup,
    mask: Option<&'a FlexTensor>,
) -> Attention<'a> {
    let qkv = Matrix::of(qkv);
    let width = qkv.dims()[1] / 3;
    let part = |i: usize| qkv.columns(i * width, width);
    attention([part(0), part(1), part(2)], setup, mask)
}

/// Queries, and keys and values side by side, in rows that are contiguous.
pub(super) fn over_source<'a>(
    query: &'a FlexTensor,
    key_value: &'a FlexTensor,
    setup: &AttentionSetup,
    mask: Option<&'a FlexTensor>,
) -> Attention<'a> {
    let key_value = Matrix::of(key_value);
    let width = key_value.dims()[1] / 2;
    attention([Matrix::of(query), key_value.columns(0, width), key_value.columns(width, width)], setup, mask)
}

/// The mask, as [`over_itself`] and [`over_source`] read it.
pub(super) fn mask(setup: &AttentionSetup) -> Option<FlexTensor> {
    setup.mask.clone().map(|mask| primitive(mask).to_contiguous())
}

fn attention<'a>(
    [query, key, value]: [Matrix<'a>; 3],
    setup: &AttentionSetup,
    mask: Option<&'a FlexTensor>,
) -> Attention<'a> {
    let bias = mask.map(|mask| {
        let shape = mask.layout().shape();
        assert_eq!(shape[1], 1, "all heads share a mask");
        assert_eq!(shape[3] * setup.batch, key.dims()[0], "a mask has a number for each key");
        Bias { data: elements(mask), by_sentence: shape[0] > 1, by_query: shape[2] > 1 }
    });
    Attention { query, key, value, bias, batch: setup.batch, heads: setup.heads, dropout: setup.dropout }
}
