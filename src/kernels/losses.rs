//! The losses that end a forward pass: projection and label-smoothed cross-entropy, with their gradients. Look-up and projection
//! stand outside autodiff: their gradients go straight into one table, which autodiff would fill and add up several times.

use super::cpu::projection;
#[cfg(feature = "gpu")]
use super::gpu;
use super::loss_sums::LossSums;
use super::operators::rounded;
use super::targets::Targets;
use crate::device::all_to_host;
#[cfg(feature = "gpu")]
use crate::device::is_cpu;
#[cfg(feature = "gpu")]
use crate::text::PAD;
use burn::tensor::{FloatDType, Tensor};

/// Losses of a batch.
pub enum Losses {
    /// On the host.
    Sums(LossSums),
    /// Loss and negative log-likelihood of each row, `[rows · 2]`, on a graphics device, and how many rows have a target.
    Rows(Box<Tensor<1>>, usize),
}

impl Losses {
    /// The sums; `balance` is the load-balance loss.
    pub fn read(self, balance: Option<Tensor<1>>) -> LossSums {
        self.read_with(balance, Vec::new()).0
    }

    /// The same, and the elements of `others`, which are no part of autodiff: they come with the sums, for each reading waits.
    pub fn read_with(self, balance: Option<Tensor<1>>, others: Vec<Tensor<1>>) -> (LossSums, Vec<f32>) {
        let has_balance = balance.is_some();
        let (rows, mut sums) = match self {
            Self::Sums(sums) => (None, sums),
            Self::Rows(rows, tokens) => (Some(*rows), LossSums { tokens, ..LossSums::default() }),
        };
        let of_rows = rows.as_ref().map_or(0, |rows| rows.dims()[0]);
        let parts = rows.into_iter().chain(balance.map(Tensor::inner)).chain(others);
        let mut values = all_to_host(parts.collect()).into_iter();
        for (place, value) in values.by_ref().take(of_rows).enumerate() {
            let sum = if place % 2 == 0 { &mut sums.loss } else { &mut sums.nll };
            *sum += f64::from(value);
        }
        let balance = if has_balance { values.next().map_or(0.0, f64::from) } else { 0.0 };
        (LossSums { objective: sums.loss + balance, ..sums }, values.collect())
    }
}

/// Losses, and the gradients of their label-smoothed sum.
pub struct LossGradients {
    /// The losses.
    pub losses: Losses,
    /// `[rows, embed]`
    pub hidden_gradient: Tensor<2>,
    /// `[vocab, embed]`
    pub table_gradient: Tensor<2>,
}

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
    #[cfg(feature = "gpu")]
    if !is_cpu(&hidden.device()) {
        return rows(gpu::projection::forward(hidden, table, targets, dtype), targets).read(balance);
    }
    Losses::Sums(projection::forward(hidden, rounded(table, dtype), targets)).read(balance)
}

/// The losses and their gradients, these times `scale`; shapes as in [`evaluate`].
pub fn differentiate(
    hidden: Tensor<2>,
    table: Tensor<2>,
    targets: Targets<'_>,
    dtype: FloatDType,
    scale: f64,
) -> LossGradients {
    #[cfg(feature = "gpu")]
    if !is_cpu(&hidden.device()) {
        let (losses, [hidden_gradient, table_gradient]) =
            gpu::projection::forward_backward(hidden, table, targets, dtype, scale);
        return LossGradients { losses: rows(losses, targets), hidden_gradient, table_gradient };
    }
    let found = projection::forward_backward(hidden, rounded(table, dtype), targets);
    let projection::LossGradients { sums, hidden_gradient, table_gradient } = found;
    let scaled = |gradient: Tensor<2>| if scale == 1.0 { gradient } else { gradient * scale };
    let [hidden_gradient, table_gradient] = [hidden_gradient, table_gradient].map(scaled);
    LossGradients { losses: Losses::Sums(sums), hidden_gradient, table_gradient }
}

/// Losses `[rows · 2]` of the rows of `targets`.
#[cfg(feature = "gpu")]
fn rows(losses: Tensor<1>, targets: Targets<'_>) -> Losses {
    Losses::Rows(Box::new(losses), targets.ids.iter().filter(|&&id| id != PAD).count())
}
