//! Multi-head attention over `qkv_dim` features, whatever the width of the residual stream.

use super::dropout::DropoutRates;
use super::linear::Linear;
use super::pass::Pass;
use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// Keys and values, `[batch, heads, time, head_dim]` each.
#[derive(Debug, Clone)]
pub struct KeyValue {
    /// `[batch, heads, time, head_dim]`
    pub key: Tensor<4>,
    /// `[batch, heads, time, head_dim]`
    pub value: Tensor<4>,
}

impl KeyValue {
    /// Appends `next` along time.
    fn extend(self, next: KeyValue) -> KeyValue {
        KeyValue { key: Tensor::cat(vec![self.key, next.key], 2), value: Tensor::cat(vec![self.value, next.value], 2) }
    }

    /// The rows `rows` of the batch, in that order.
    pub(super) fn select(&self, rows: Tensor<1, burn::tensor::Int>) -> KeyValue {
        KeyValue { key: self.key.clone().select(0, rows.clone()), value: self.value.clone().select(0, rows) }
    }
}

/// Attention of a sequence over itself.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Queries, keys, values in one product: `[3 · qkv_dim, embed]`.
    pub in_proj: Linear,
    /// `[embed, qkv_dim]`
    pub out_proj: Linear,
    heads: usize,
}

impl SelfAttention {
    pub(super) fn new(embed_dim: usize, qkv_dim: usize, heads: usize, device: &Device) -> Self {
        Self {
            in_proj: Linear::new(embed_dim, 3 * qkv_dim, device),
            out_proj: Linear::new(qkv_dim, embed_dim, device),
            heads,
        }
    }

    /// # Shapes
    /// - x: `[batch · time, embed]`
    /// - mask: added to the scores, broadcast to `[batch, heads, time, time]`
    /// - output: `[batch · time, embed]`
    pub fn forward(
        &self,
        x: Tensor<2>,
        batch: usize,
        mask: Option<Tensor<4>>,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let (query, memory) = self.project(x, batch);
        let context = attend(query, memory, mask, rates, pass);
        self.out_proj.forward(context)
    }

    /// One step of incremental decoding: x is `[batch, embed]`, and `cache` grows by one position.
    pub(super) fn step(&self, x: Tensor<2>, cache: &mut Option<KeyValue>) -> Tensor<2> {
        let batch = x.dims()[0];
        let (query, next) = self.project(x, batch);
        let memory = match cache.take() {
            Some(past) => past.extend(next),
            None => next,
        };
        *cache = Some(memory.clone());
        let context = attend(query, memory, None, &DropoutRates::default(), &mut Pass::inference());
        self.out_proj.forward(context)
    }

    fn project(&self, x: Tensor<2>, batch: usize) -> (Tensor<4>, KeyValue) {
        let qkv = self.in_proj.forward(x); // [batch · time, 3 · qkv_dim]
        let [rows, width] = qkv.dims();
        let qkv_dim = width / 3;
        let part = |i: usize| {
            let part = qkv.clone().slice([0..rows, i * qkv_dim..(i + 1) * qkv_dim]);
            split_heads(part, batch, self.heads)
        };
        let (key, value) = (part(1), part(2));
        (scale_query(part(0)), KeyValue { key, value })
    }
}

/// Attention of the decoder over encoder outputs. Queries have the decoder's width, keys and values the encoder's.
#[derive(Module, Debug)]
pub struct CrossAttention {
    /// `[qkv_dim, decoder embed]`
    pub q_proj: Linear,
    /// Keys and values in one product: `[2 · qkv_dim, encoder embed]`.
    pub kv_proj: Linear,
    /// `[decoder embed, qkv_dim]`
    pub out_proj: Linear,
    heads: usize,
}

impl CrossAttention {
    pub(super) fn new(embed_dim: usize, encoder_dim: usize, qkv_dim: usize, heads: usize, device: &Device) -> Self {
        Self {
            q_proj: Linear::new(embed_dim, qkv_dim, device),
            kv_proj: Linear::new(encoder_dim, 2 * qkv_dim, device),
            out_proj: Linear::new(qkv_dim, embed_dim, device),
            heads,
        }
    }

    /// The keys and values of encoder outputs.
    ///
    /// # Shapes
    /// - encoded: `[batch · source, encoder embed]`
    /// - output: `[batch, heads, source, head_dim]` each
    pub(super) fn memory(&self, encoded: Tensor<2>, batch: usize) -> KeyValue {
        let kv = self.kv_proj.forward(encoded); // [batch · source, 2 · qkv_dim]
        let [rows, width] = kv.dims();
        let qkv_dim = width / 2;
        let part = |i: usize| {
            let part = kv.clone().slice([0..rows, i * qkv_dim..(i + 1) * qkv_dim]);
            split_heads(part, batch, self.heads)
        };
        KeyValue { key: part(0), value: part(1) }
    }

    /// # Shapes
    /// - x: `[batch · time, embed]`
    /// - mask: added to the scores, broadcast to `[batch, heads, time, source]`
    /// - output: `[batch · time, embed]`
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        memory: KeyValue,
        mask: Option<Tensor<4>>,
        rates: &DropoutRates,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let batch = memory.key.dims()[0];
        let query = scale_query(split_heads(self.q_proj.forward(x), batch, self.heads));
        let context = attend(query, memory, mask, rates, pass);
        self.out_proj.forward(context)
    }
}

/// The query is scaled after its bias was added.
fn scale_query(query: Tensor<4>) -> Tensor<4> {
    let head_dim = query.dims()[3];
    query * (head_dim as f64).powf(-0.5)
}

/// `[batch · time, heads · head_dim]` to `[batch, heads, time, head_dim]`
fn split_heads(x: Tensor<2>, batch: usize, heads: usize) -> Tensor<4> {
    let [rows, width] = x.dims();
    x.reshape([batch, rows / batch, heads, width / heads]).swap_dims(1, 2)
}

/// softmax(q kᵀ + mask) v, heads joined again: `[batch · time, heads · head_dim]`.
fn attend(
    query: Tensor<4>,
    memory: KeyValue,
    mask: Option<Tensor<4>>,
    rates: &DropoutRates,
    pass: &mut Pass,
) -> Tensor<2> {
    let [batch, heads, time, head_dim] = query.dims();
    let mut scores = query.matmul(memory.key.swap_dims(2, 3)); // [batch, heads, time, source]
    if let Some(mask) = mask {
        scores = scores + mask;
    }
    let weights = pass.dropout(softmax(scores, 3), rates.attention_weights);
    let context = weights.matmul(memory.value); // [batch, heads, time, head_dim]
    context.swap_dims(1, 2).reshape([batch * time, heads * head_dim])
}
