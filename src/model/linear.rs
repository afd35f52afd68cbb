//! The two elementary modules: a linear map and LayerNorm, with weights laid out as in PyTorch.

use super::pass::Pass;
use crate::kernels::{LinearMap, Panels, operators};
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};
use std::sync::OnceLock;

/// A parameter that holds nothing yet: [`Transformer::from_values`](super::Transformer::from_values) gives it one.
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
    panels: OnceLock<Panels>,
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
        operators::linear(x, self.tensors())
    }

    /// Its tensors, as operators take them.
    pub(super) fn tensors(&self) -> LinearMap<'_> {
        LinearMap { weight: self.weight.val(), bias: self.bias.val(), panels: &self.panels }
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
        operators::add_norm(x, y, self.weight.val(), self.bias.val(), pass.mask(dropout))
    }
}
