//! Products in half precision while training: which numbers they are computed in, and the factor that keeps gradients within
//! the range of those numbers.

use super::parameters::{Path, track_path};
use super::transformer::Transformer;
use crate::config::Precision;
use crate::error::{Error, Result};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, FloatDType, Tensor};

/// How a model's products are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Products {
    /// What both factors and the results are rounded to; devices sum in single precision.
    pub dtype: FloatDType,
    /// The objective is multiplied by this before it is differentiated, and so are all gradients.
    pub loss_scale: f64,
}

impl Products {
    /// Single precision throughout.
    pub const SINGLE: Self = Self { dtype: FloatDType::F32, loss_scale: 1.0 };

    /// In `precision`, with gradients multiplied by `loss_scale`.
    pub fn new(precision: Precision, loss_scale: f64) -> Self {
        let dtype = match precision {
            Precision::Float32 => FloatDType::F32,
            Precision::Bfloat16 => FloatDType::BF16,
            Precision::Float16 => FloatDType::F16,
        };
        Self { dtype, loss_scale }
    }
}

/// Whether models train on `device` in `precision`.
///
/// # Errors
/// They do not.
pub fn check(precision: Precision, device: &Device) -> Result<()> {
    let dtype = Products::new(precision, 1.0).dtype;
    let works = match dtype {
        FloatDType::F32 => true,
        // The kernels on the CPU are of single precision.
        _ => !crate::device::is_cpu(device) && device.supports_dtype(dtype),
    };
    if works {
        return Ok(());
    }
    let name = format!("{precision:?}").to_lowercase();
    Err(Error::input(format!(
        "train.precision = \"{name}\": this device does not compute in it; use \"float32\", or another --device"
    )))
}

/// `a b`, both and the result rounded to `dtype`, as single-precision numbers.
pub(super) fn product(a: Tensor<2>, b: Tensor<2>, dtype: FloatDType) -> Tensor<2> {
    match dtype {
        FloatDType::F32 => a.matmul(b),
        _ => a.cast(dtype).matmul(b.cast(dtype)).cast(FloatDType::F32),
    }
}

impl Transformer {
    /// The same model with its products as `products` says: linear maps and experts, whose weights become leaves of that type,
    /// and the output projection. Attention scores, normalisation, routing and the loss stay in single precision.
    pub fn with_products(mut self, products: Products) -> Self {
        self.products = products;
        match products.dtype {
            FloatDType::F32 => self,
            dtype => self.map(&mut Rounded { dtype, path: Path::default() }),
        }
    }
}

/// Rounds the weights of linear maps, routers' excepted.
struct Rounded {
    dtype: FloatDType,
    path: Path,
}

impl ModuleMapper for Rounded {
    track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        if D == 1 || !name.ends_with(".weight") || name.contains(".router.") {
            return param;
        }
        let value = param.val();
        let tracked = value.is_require_grad();
        let rounded = value.inner().cast(self.dtype);
        let rounded = if tracked { Tensor::from_inner(rounded).require_grad() } else { rounded };
        Param::initialized(param.id, rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_trains_in_single_precision_only() {
        let cpu = Device::flex();
        check(Precision::Float32, &cpu).unwrap();
        let error = check(Precision::Bfloat16, &cpu).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("\"bfloat16\""), "{error}");
    }
}
