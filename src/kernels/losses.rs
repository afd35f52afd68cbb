//! The losses that end a forward pass: projection and label-smoothed cross-entropy.

use super::capabilities::fuses_loss;
use super::cpu::projection;
use super::loss_sums::LossSums;
use super::operators::rounded;
use super::plain;
use crate::device::scalar;
use burn::tensor::{FloatDType, Tensor};

pub use super::cpu::projection::LossGradients;
pub use super::plain::Losses;

/// Sums of the losses, without gradients; the projection is in `dtype`, and the objective has the load-balance loss `balance`, too.
/// Waits for the device, once.
///
/// # Shapes
/// - hidden: `[batch · target, embed]`
/// - table: `[vocab, embed]`
/// - target: `[batch · target]` ids; padding counts nothing
pub fn evaluate(
    hidden: Tensor<2>,
    table: Tensor<2>,
    target: &[u32],
    smoothing: f64,
    dtype: FloatDType,
    balance: Option<Tensor<1>>,
) -> LossSums {
    if !fuses_loss(&hidden.device()) {
        return differentiable(hidden, table, target, smoothing, dtype).read(balance);
    }
    let sums = projection::forward(hidden, rounded(table, dtype), target, smoothing);
    LossSums { objective: sums.loss + balance.map_or(0.0, scalar), ..sums }
}

/// Sums of the losses and their gradients, on the CPU, where they are fused; shapes as in [`evaluate`].
pub fn fused(hidden: Tensor<2>, table: Tensor<2>, target: &[u32], smoothing: f64, dtype: FloatDType) -> LossGradients {
    projection::forward_backward(hidden, rounded(table, dtype), target, smoothing)
}

/// Losses that autodiff differentiates; shapes as in [`evaluate`].
pub fn differentiable(
    hidden: Tensor<2>,
    table: Tensor<2>,
    target: &[u32],
    smoothing: f64,
    dtype: FloatDType,
) -> Losses {
    plain::losses(hidden, table, target, smoothing, dtype)
}
