//! The two elementary modules: a linear map and LayerNorm, with weights laid out as in PyTorch.

use super::pass::Pass;
use super::weights::declare::{Declare, Init};
use crate::kernels::{LinearMap, Panels, operators};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use std::sync::OnceLock;

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
    /// A linear map that begins by Xavier's rule, its bias with 0.
    pub fn new(input: usize, output: usize, declare: &Declare) -> Self {
        Self::beginning(input, output, [Init::xavier(output, input), Init::Constant(0.0)], declare)
    }

    /// One whose weight and bias begin as `inits` say.
    pub fn beginning(input: usize, output: usize, inits: [Init; 2], declare: &Declare) -> Self {
        let [weight, bias] = inits;
        let (weight, bias) = (declare.parameter([output, input], weight), declare.parameter([output], bias));
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
    /// A LayerNorm that begins without scaling or shifting.
    pub fn new(dim: usize, declare: &Declare) -> Self {
        let parameter = |init| declare.parameter([dim], Init::Constant(init));
        Self { weight: parameter(1.0), bias: parameter(0.0) }
    }

    /// Of `x + dropout(y)`.
    ///
    /// # Shapes
    /// - x, y, output: `[rows, dim]`
    pub fn of_sum(&self, x: Tensor<2>, y: Tensor<2>, dropout: f64, pass: &mut Pass) -> Tensor<2> {
        operators::add_norm(x, y, self.weight.val(), self.bias.val(), pass.mask(dropout))
    }
}
