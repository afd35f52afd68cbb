//! Multi-head attention over `qkv_dim` features, whatever the width of the residual stream.

use super::linear::Linear;
use super::pass::Pass;
use super::weights::declare::{Declare, Init};
use crate::kernels::{History, operators};
use burn::module::Module;
use burn::tensor::Tensor;

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
    /// Of `heads` that share `qkv_dim` features.
    pub fn new(embed_dim: usize, qkv_dim: usize, heads: usize, declare: &Declare) -> Self {
        Self {
            in_proj: Linear::new(embed_dim, 3 * qkv_dim, declare),
            out_proj: Linear::new(qkv_dim, embed_dim, declare),
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
    /// Of `heads` that share `qkv_dim` features. The projections begin by Xavier's rule: as one matrix where they are `joined`, as
    /// the reference holds them between stacks of one width, and as three otherwise.
    pub fn new(
        [embed_dim, encoder_dim]: [usize; 2],
        qkv_dim: usize,
        heads: usize,
        joined: bool,
        declare: &Declare,
    ) -> Self {
        let fan_out = if joined { 3 * qkv_dim } else { qkv_dim };
        let project = |input, output| {
            Linear::beginning(input, output, [Init::xavier(fan_out, input), Init::Constant(0.0)], declare)
        };
        Self {
            q_proj: project(embed_dim, qkv_dim),
            kv_proj: project(encoder_dim, 2 * qkv_dim),
            out_proj: Linear::new(qkv_dim, embed_dim, declare),
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

    /// One step of incremental decoding.
    ///
    /// # Shapes
    /// - x: `[rows, embed]`, the rows of a sentence adjoining
    /// - memory: `[sentences · source, 2 · qkv_dim]`
    /// - mask: added to the scores, `[sentences, 1, 1, source]`
    /// - output: `[rows, embed]`
    pub(super) fn step(&self, x: Tensor<2>, memory: Tensor<2>, sentences: usize, mask: Option<Tensor<4>>) -> Tensor<2> {
        let context = operators::step_cross_attention(self.q_proj.forward(x), memory, sentences, self.heads, mask);
        self.out_proj.forward(context)
    }
}
