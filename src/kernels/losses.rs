//! The losses that end a forward pass: projection and label-smoothed cross-entropy.

use super::capabilities::fuses_loss;
use super::cpu::projection;
use super::loss_sums::LossSums;
use super::operators::rounded;
use super::plain;
use super::targets::Targets;
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
/// - targets: of `[batch · target]` rows
pub fn evaluate(
    hidden: Tensor<2>,
    table: Tensor<2>,
    targets: Targets<'_>,
    dtype: FloatDType,
    balance: Option<Tensor<1>>,
) -> LossSums {
    if !fuses_loss(&hidden.device()) {
        return differentiable(hidden, table, targets, dtype).read(balance);
    }
    let sums = projection::forward(hidden, rounded(table, dtype), targets);
    LossSums { objective: sums.loss + balance.map_or(0.0, scalar), ..sums }
}

/// Sums of the losses and their gradients, on the CPU, where they are fused; shapes as in [`evaluate`].
pub fn fused(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>, dtype: FloatDType) -> LossGradients {
    projection::forward_backward(hidden, rounded(table, dtype), targets)
}

/// Losses that autodiff differentiates; shapes as in [`evaluate`].
pub fn differentiable(hidden: Tensor<2>, table: Tensor<2>, targets: Targets<'_>, dtype: FloatDType) -> Losses {
    plain::losses(hidden, table, targets, dtype)
}
