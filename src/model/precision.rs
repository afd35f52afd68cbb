//! Products in fewer bits: which numbers they are computed in, and the factor that keeps gradients within the range of
//! those numbers.

use crate::config::Precision;
use crate::error::{Error, Result};
use crate::kernels::capabilities::{computes_in, computes_in_int8, is_fast_in_bfloat16};
use burn::tensor::{Device, FloatDType};

/// How a model's products are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Products {
    /// What both factors and the results are rounded to; devices sum in single precision.
    pub dtype: FloatDType,
    /// Whether inference quantises both factors to 8-bit integers instead: weights by output, activations by row.
    pub int8: bool,
    /// The objective is multiplied by this before it is differentiated, and so are all gradients.
    pub loss_scale: f64,
}

impl Products {
    /// Single precision throughout.
    pub const SINGLE: Self = Self { dtype: FloatDType::F32, int8: false, loss_scale: 1.0 };

    /// In `precision` on `device`.
    pub fn new(precision: Precision, device: &Device) -> Self {
        let dtype = match precision {
            Precision::Float32 | Precision::Int8 => FloatDType::F32,
            Precision::Bfloat16 => FloatDType::BF16,
            Precision::Float16 => FloatDType::F16,
            Precision::Auto if is_fast_in_bfloat16(device) => FloatDType::BF16,
            Precision::Auto => FloatDType::F32,
        };
        Self { dtype, int8: precision == Precision::Int8, loss_scale: 1.0 }
    }

    /// The same with gradients multiplied by `loss_scale`.
    pub fn scaled(self, loss_scale: f64) -> Self {
        Self { loss_scale, ..self }
    }
}

/// The precision that the value `precision` of the setting `key` stands for on `device`, never `auto`.
///
/// # Errors
/// The device does not compute in it.
pub fn resolve(key: &str, precision: Precision, device: &Device) -> Result<Precision> {
    let Products { dtype, int8, .. } = Products::new(precision, device);
    if !computes_in(device, dtype) || (int8 && !computes_in_int8(device)) {
        return Err(Error::input(format!(
            "{key} = \"{precision}\": this device does not compute in it; use \"float32\" or \"auto\", or another --device"
        )));
    }
    Ok(match (precision, dtype) {
        (Precision::Auto, FloatDType::BF16) => Precision::Bfloat16,
        (Precision::Auto, _) => Precision::Float32,
        _ => precision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_not_asked_for_what_it_does_not_compute_in() {
        let cpu = Device::flex();
        assert_eq!(resolve("train.precision", Precision::Float32, &cpu).unwrap(), Precision::Float32);
        let error = resolve("train.precision", Precision::Float16, &cpu).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = "train.precision = \"float16\": this device does not compute in it; use \"float32\" or \"auto\", or \
                       another --device";
        assert_eq!(error.to_string(), message);
        let found = resolve("search.precision", Precision::Bfloat16, &cpu);
        assert_eq!(found.is_ok(), computes_in(&cpu, FloatDType::BF16));
        let found = resolve("translate.precision", Precision::Auto, &cpu).unwrap();
        assert_eq!(found, if is_fast_in_bfloat16(&cpu) { Precision::Bfloat16 } else { Precision::Float32 });
        let found = resolve("translate.precision", Precision::Int8, &cpu);
        assert_eq!(found.ok(), computes_in_int8(&cpu).then_some(Precision::Int8));
    }
}
