//! The operators as plain compositions of burn's, differentiated by burn. Shapes are those of the functions of the same
//! name in [`super::operators`].

use super::cpu::norm::EPSILON;
use super::dropout::Mask;
use super::loss_sums::LossSums;
use super::targets::{SoftTargets, Targets};
use crate::device::{ids, scalar};
use crate::text::PAD;
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::{FloatDType, Tensor, TensorData, module};
use std::ops::Range;

/// `a b`, both and the result rounded to `dtype`, as single-precision numbers.
pub fn product(a: Tensor<2>, b: Tensor<2>, dtype: FloatDType) -> Tensor<2> {
    match dtype {
        FloatDType::F32 => a.matmul(b),
        _ => a.cast(dtype).matmul(b.cast(dtype)).cast(FloatDType::F32),
    }
}

/// `x Wᵀ + b`, the product in the weight's precision.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let dtype = weight.dtype().into();
    product(x, weight.transpose(), dtype) + bias.unsqueeze()
}

/// `W₂ dropout(relu(W₁ x + b₁)) + b₂` in place of some rows.
pub fn feed_forward(
    x: Tensor<2>,
    [(weight1, bias1), (weight2, bias2)]: [(Tensor<2>, Tensor<1>); 2],
    rows: Range<usize>,
    dropout: Mask,
) -> Tensor<2> {
    let [tokens, embed] = x.dims();
    let input = x.clone().slice([rows.clone(), 0..embed]);
    let hidden = linear(input, weight1, bias1);
    let hidden = dropout.apply(activate(hidden)); // [rows, ffn]
    let output = linear(hidden, weight2, bias2);
    if rows == (0..tokens) { output } else { x.slice_assign([rows, 0..embed], output) }
}

/// Relu that keeps NaN, in the gradient too, which burn's own takes for a positive element's. Both passes end in a product with
/// it, whatever a shading language makes of comparisons.
fn activate(x: Tensor<2>) -> Tensor<2> {
    let values = x.clone().detach();
    let keep = values.ones_like().mask_fill(values.is_nan(), f32::NAN); // 1 or NaN
    relu(x * keep.clone()) * keep
}

/// Of each row the sum over `copies`, times the row's shares.
pub fn blend(copies: &[Tensor<2>], shares: Tensor<2>) -> Tensor<2> {
    let scaled = copies.iter().enumerate().map(|(place, copy)| copy.clone() * shares.clone().narrow(1, place, 1));
    scaled.reduce(|a, b| a + b).expect("there are copies")
}

/// The gradients of [`blend`] with respect to each copy and to the shares, without autodiff.
pub fn blend_gradients(copies: &[Tensor<2>], shares: Tensor<2>, gradient: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
    let of_copies = (0..copies.len()).map(|place| gradient.clone() * shares.clone().narrow(1, place, 1)).collect();
    let of_shares = copies.iter().map(|copy| (copy.clone() * gradient.clone()).sum_dim(1)).collect();
    (of_copies, Tensor::cat(of_shares, 1))
}

/// `√d · table[tokens] + sinusoids[positions]`; padding takes its row as a constant.
pub fn embed(table: Tensor<2>, sinusoids: &Tensor<2>, tokens: &[u32], positions: &[u32]) -> Tensor<2> {
    let device = sinusoids.device();
    let scale = (table.dims()[1] as f64).sqrt();
    let mut rows = table.clone().select(0, ids(tokens, &device));
    if table.is_tracked() && tokens.contains(&PAD) {
        let real: Vec<f32> = tokens.iter().map(|&t| f32::from(u8::from(t != PAD))).collect();
        let real = Tensor::<2>::from_data(TensorData::new(real, [tokens.len(), 1]), &device);
        let pad_row = table.inner().narrow(0, PAD as usize, 1);
        rows = rows * real.clone() + pad_row * (1.0 - real);
    }
    rows * scale + sinusoids.clone().select(0, ids(positions, &device))
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

/// Losses that are differentiable.
pub struct Losses {
    /// The label-smoothed loss, `[1]`.
    pub loss: Tensor<1>,
    /// Negative log-likelihood, `[1]`.
    nll: Tensor<1>,
    tokens: usize,
}

impl Losses {
    /// The sums.
    pub fn read(self) -> LossSums {
        let [loss, nll] = [self.loss, self.nll].map(scalar);
        LossSums { loss, nll, objective: loss, tokens: self.tokens }
    }
}

/// Label-smoothed cross-entropy, the projection in `dtype`. Shapes are those of [`super::losses::evaluate`].
pub fn losses(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>, dtype: FloatDType) -> Losses {
    let device = hidden.device().inner();
    let [vocab, _] = table.dims();
    let (target, smoothing) = (targets.ids, targets.smoothing);
    let log_probabilities = log_softmax(product(hidden, table.transpose(), dtype), 1); // [rows, vocab]
    let real: Vec<f32> = target.iter().map(|&t| f32::from(u8::from(t != PAD))).collect();
    let real = Tensor::<2>::from_data(TensorData::new(real, [target.len(), 1]), &device);
    let chosen = ids(target, &device).unsqueeze_dim::<2>(1);
    let nll = (log_probabilities.clone().gather(1, chosen) * real.clone()).sum().neg();
    let all = (log_probabilities.clone().sum_dim(1) * real.clone()).sum().neg();
    let mut loss = nll.clone() * (1.0 - smoothing) + all * (smoothing / vocab as f64);
    if let Some(SoftTargets { hidden, table, share }) = targets.soft {
        let predicted = softmax(product(hidden.clone(), table.clone().transpose(), dtype), 1);
        let predicted = Tensor::from_inner(predicted * real.inner());
        loss = loss * targets.hard_share() - (log_probabilities * predicted).sum() * *share;
    }
    Losses { loss, nll, tokens: target.iter().filter(|&&t| t != PAD).count() }
}
