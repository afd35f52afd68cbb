//! Keys and values of the positions that a decoder has seen.

use super::dropout::Mask;
use super::operators;
use crate::device::is_cpu;
use burn::tensor::{Device, Int, Tensor};

/// What self-attention of one layer remembers.
#[derive(Debug, Clone)]
pub enum History {
    /// A tensor a position, `[rows then, 3 · qkv_dim]`: queries, keys and values. Hypotheses that are reordered or dropped
    /// move nothing: each row names its ancestors.
    Positions(Vec<Tensor<2>>),
    /// Keys and values side by side, `[rows, time, 2 · qkv_dim]`: few launches, where those cost more than copies.
    Joined(Option<Box<Tensor<3>>>),
}

impl History {
    /// Before the first position.
    pub fn new(device: &Device) -> Self {
        if is_cpu(device) { Self::Positions(Vec::new()) } else { Self::Joined(None) }
    }

    /// Appends the position `qkv` (`[rows, 3 · qkv_dim]`) and attends over all: `[rows, qkv_dim]`. `ancestors` holds, for
    /// each position, the row of it that each row descends from.
    pub fn attend(&mut self, qkv: Tensor<2>, heads: usize, ancestors: &[Vec<u32>]) -> Tensor<2> {
        let [rows, width] = qkv.dims();
        let qkv_dim = width / 3;
        match self {
            Self::Positions(positions) => {
                positions.push(qkv);
                operators::step_attention(positions, heads, ancestors)
            }
            Self::Joined(past) => {
                let next = qkv.clone().narrow(1, qkv_dim, 2 * qkv_dim).unsqueeze_dim::<3>(1);
                let joined = match past.take() {
                    Some(past) => Tensor::cat(vec![*past, next], 1),
                    None => next,
                };
                *past = Some(Box::new(joined.clone()));
                let time = joined.dims()[1];
                let key_value = joined.reshape([rows * time, 2 * qkv_dim]);
                operators::cross_attention(qkv.narrow(1, 0, qkv_dim), key_value, rows, heads, None, Mask::NONE)
            }
        }
    }

    /// Keeps the rows `rows`, in that order.
    pub fn select(&mut self, rows: &Tensor<1, Int>) {
        if let Self::Joined(Some(joined)) = self {
            **joined = joined.as_ref().clone().select(0, rows.clone());
        }
    }
}
