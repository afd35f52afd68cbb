//! The two elementary modules: a linear map and LayerNorm, with weights laid out as in PyTorch.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

/// Added to the variance, as in fairseq.
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// A parameter that holds nothing yet: [`super::Transformer::from_values`] gives it one.
pub(super) fn parameter<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::uninitialized(
        ParamId::new(),
        move |device, _| Tensor::zeros(shape, device),
        device.clone(),
        false,
        Shape::from(shape),
    )
}

/// `y = x Wᵀ + b`
#[derive(Module, Debug)]
pub struct Linear {
    /// `[output, input]`
    pub weight: Param<Tensor<2>>,
    /// `[output]`
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// A linear map without values.
    pub(super) fn new(input: usize, output: usize, device: &Device) -> Self {
        Self { weight: parameter([output, input], device), bias: parameter([output], device) }
    }

    /// # Shapes
    /// - x: `[rows, input]`
    /// - output: `[rows, output]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val().transpose()) + self.bias.val().unsqueeze()
    }
}

/// Normalises the last dimension to mean 0 and variance 1, then scales and shifts.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[dim]`
    pub weight: Param<Tensor<1>>,
    /// `[dim]`
    pub bias: Param<Tensor<1>>,
}

impl LayerNorm {
    /// A LayerNorm without values.
    pub(super) fn new(dim: usize, device: &Device) -> Self {
        Self { weight: parameter([dim], device), bias: parameter([dim], device) }
    }

    /// # Shapes
    /// - x, output: `[rows, dim]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        burn::tensor::module::layer_norm(x, self.weight.val(), Some(self.bias.val()), LAYER_NORM_EPSILON)
    }
}
