//! Multi-head attention over `qkv_dim` features, whatever the width of the residual stream.

use super::linear::Linear;
use super::pass::Pass;
use crate::kernels::{History, operators};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

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

    /// `dropout` is that of the attention weights.
    ///
    /// # Shapes
    /// - x: `[batch · time, embed]`
    /// - mask: added to the scores, broadcast to `[batch, heads, time, time]`
    /// - output: `[batch · time, embed]`
    pub fn forward(
        &self,
        x: Tensor<2>,
        batch: usize,
        mask: Option<Tensor<4>>,
        dropout: f64,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let qkv = self.in_proj.forward(x); // [batch · time, 3 · qkv_dim]
        let context = operators::self_attention(qkv, batch, self.heads, mask, pass.mask(dropout));
        self.out_proj.forward(context)
    }

    /// One step of incremental decoding: x is `[rows, embed]`; `history` grows by one position, and `ancestors` says which
    /// rows of its positions belong to each row.
    pub(super) fn step(&self, x: Tensor<2>, history: &mut History, ancestors: &[Vec<u32>]) -> Tensor<2> {
        let context = history.attend(self.in_proj.forward(x), self.heads, ancestors);
        self.out_proj.forward(context)
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

    /// The keys and values of encoder outputs, side by side.
    ///
    /// # Shapes
    /// - encoded: `[batch · source, encoder embed]`
    /// - output: `[batch · source, 2 · qkv_dim]`
    pub(super) fn memory(&self, encoded: Tensor<2>) -> Tensor<2> {
        self.kv_proj.forward(encoded)
    }

    /// `dropout` is that of the attention weights.
    ///
    /// # Shapes
    /// - x: `[batch · time, embed]`
    /// - memory: `[batch · source, 2 · qkv_dim]`
    /// - mask: added to the scores, broadcast to `[batch, heads, time, source]`
    /// - output: `[batch · time, embed]`
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        memory: Tensor<2>,
        batch: usize,
        mask: Option<Tensor<4>>,
        dropout: f64,
        pass: &mut Pass,
    ) -> Tensor<2> {
        let query = self.q_proj.forward(x); // [batch · time, qkv_dim]
        let context = operators::cross_attention(query, memory, batch, self.heads, mask, pass.mask(dropout));
        self.out_proj.forward(context)
    }
}
