//! The two elementary modules: a linear map and LayerNorm, with weights laid out as in PyTorch.

use super::kernels;
use super::kernels::panels::Panels;
use super::pass::Pass;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};
use std::sync::OnceLock;

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
    /// The weight for inference on the CPU, once it was asked for.
    #[module(skip)]
    pub(super) panels: OnceLock<Panels>,
}

impl Linear {
    /// A linear map without values.
    pub(super) fn new(input: usize, output: usize, device: &Device) -> Self {
        let (weight, bias) = (parameter([output, input], device), parameter([output], device));
        Self { weight, bias, panels: OnceLock::new() }
    }

    /// # Shapes
    /// - x: `[rows, input]`
    /// - output: `[rows, output]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::linear(x, self)
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

    /// Of `x + dropout(y)`.
    ///
    /// # Shapes
    /// - x, y, output: `[rows, dim]`
    pub fn of_sum(&self, x: Tensor<2>, y: Tensor<2>, dropout: f64, pass: &mut Pass) -> Tensor<2> {
        kernels::add_norm(x, y, self, pass.mask(dropout))
    }
}
