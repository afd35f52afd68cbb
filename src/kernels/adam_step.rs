//! What one step of Adam is told.

use burn::tensor::Tensor;

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the square root of the second moment.
    pub epsilon: f32,
    /// lr · sqrt(1-β2^t) / (1-β1^t)
    pub step_size: f32,
    /// 1 - weight_decay · lr
    pub keep: f32,
    /// The gradient is multiplied by this first.
    pub gradient_scale: f32,
}

/// How a parameter is divided: `[members, rows, columns]`. The members of a group are its experts' parameters; any other
/// parameter is its only member.
pub type Division = [usize; 3];

/// A parameter that takes a step.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// Weight, first and second moment, `[rows, columns]` each, a group's members one above the other.
    pub state: [Tensor<2>; 3],
    /// How the parameter is divided.
    pub whole: Division,
    /// That of its leading part, `[rows, columns]` likewise, and how the part is divided; without one it is 0.
    pub gradient: Option<(Tensor<2>, Division)>,
    /// A step for each of the leading members; a member without one stays as it is.
    pub steps: Vec<Option<AdamStep>>,
}
