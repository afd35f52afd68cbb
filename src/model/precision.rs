//! Products in half precision while training: which numbers they are computed in, and the factor that keeps gradients within
//! the range of those numbers.

use crate::config::Precision;
use crate::error::{Error, Result};
use crate::kernels::capabilities::trains_in;
use burn::tensor::{Device, FloatDType};

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
    if trains_in(device, Products::new(precision, 1.0).dtype) {
        return Ok(());
    }
    let name = format!("{precision:?}").to_lowercase();
    Err(Error::input(format!(
        "train.precision = \"{name}\": this device does not compute in it; use \"float32\", or another --device"
    )))
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
