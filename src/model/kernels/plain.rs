//! The operators as plain compositions of burn's, differentiated by burn. Shapes are those of the functions of the same
//! name in [`super`].

use super::norm::EPSILON;
use crate::model::dropout::Mask;
use crate::model::experts::FeedForward;
use crate::model::precision::product;
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Tensor, module};
use std::ops::Range;

/// `x Wᵀ + b`, the product in the weight's precision.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let dtype = weight.dtype().into();
    product(x, weight.transpose(), dtype) + bias.unsqueeze()
}

/// `W₂ dropout(relu(W₁ x + b₁)) + b₂` in place of some rows.
pub fn feed_forward(x: Tensor<2>, network: &FeedForward, rows: Range<usize>, dropout: Mask) -> Tensor<2> {
    let [tokens, embed] = x.dims();
    let input = x.clone().slice([rows.clone(), 0..embed]);
    let hidden = linear(input, network.fc1.weight.val(), network.fc1.bias.val());
    let hidden = dropout.apply(activate(hidden)); // [rows, ffn]
    let output = linear(hidden, network.fc2.weight.val(), network.fc2.bias.val());
    if rows == (0..tokens) { output } else { x.slice_assign([rows, 0..embed], output) }
}

/// Relu that keeps NaN, in the gradient too, which burn's own takes for a positive element's. Both passes end in a product with
/// it, whatever a shading language makes of comparisons.
fn activate(x: Tensor<2>) -> Tensor<2> {
    let values = x.clone().detach();
    let keep = values.ones_like().mask_fill(values.is_nan(), f32::NAN); // 1 or NaN
    relu(x * keep.clone()) * keep
}

/// Attention of each sentence over itself.
pub fn self_attention(qkv: Tensor<2>, batch: usize, heads: usize, mask: Option<Tensor<4>>, dropout: Mask) -> Tensor<2> {
    let width = qkv.dims()[1] / 3;
    let part = |i: usize| qkv.clone().narrow(1, i * width, width);
    attend([part(0), part(1), part(2)], batch, heads, mask, dropout)
}

/// Attention of each sentence's queries over its keys and values.
pub fn cross_attention(
    query: Tensor<2>,
    key_value: Tensor<2>,
    batch: usize,
    heads: usize,
    mask: Option<Tensor<4>>,
    dropout: Mask,
) -> Tensor<2> {
    let width = key_value.dims()[1] / 2;
    let part = |i: usize| key_value.clone().narrow(1, i * width, width);
    attend([query, part(0), part(1)], batch, heads, mask, dropout)
}

/// `LayerNorm(x + dropout(y))`
pub fn add_norm(x: Tensor<2>, y: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, dropout: Mask) -> Tensor<2> {
    module::layer_norm(x + dropout.apply(y), weight, Some(bias), f64::from(EPSILON))
}

/// Queries, keys and values `[batch · time, qkv_dim]` each; the query is scaled after its bias was added.
fn attend(parts: [Tensor<2>; 3], batch: usize, heads: usize, mask: Option<Tensor<4>>, dropout: Mask) -> Tensor<2> {
    let [rows, width] = parts[0].dims();
    let head_dim = width / heads;
    let split = |x: Tensor<2>| {
        let time = x.dims()[0] / batch;
        x.reshape([batch, time, heads, head_dim]).swap_dims(1, 2) // [batch, heads, time, head_dim]
    };
    let [query, key, value] = parts.map(split);
    let query = query * (head_dim as f64).powf(-0.5);
    let mut scores = query.matmul(key.swap_dims(2, 3)); // [batch, heads, time, source]
    if let Some(mask) = mask {
        scores = scores + mask;
    }
    let weights = dropout.apply(softmax(scores, 3));
    weights.matmul(value).swap_dims(1, 2).reshape([rows, width])
}
