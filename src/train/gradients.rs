//! What the passes of one update find.

use super::slots::RoutedTokens;
use crate::kernels::LossSums;
use crate::model::Values;

/// What the passes of one update found.
#[derive(Debug, Default)]
pub struct Gradients {
    /// Losses over all architectures and micro-batches; a token counts once for each architecture.
    pub sums: LossSums,
    /// Gradient sums of the shared parameters, times the loss scale, as the device holds them.
    pub values: Values,
    /// FLOPs of all forward and backward passes, padding included.
    pub flops: f64,
    /// Where the tokens went.
    pub routed: RoutedTokens,
}
