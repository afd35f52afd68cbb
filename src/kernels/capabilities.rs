//! What rooms above have to know of a device: how it wants weights laid out, and what it computes in.

use crate::device::is_cpu;
use burn::tensor::{Device, FloatDType};

/// Whether the experts of a layer are held grouped, one above the other, so that each product is one launch for all of them. Elsewhere they are held one
/// by one.
pub fn groups_experts(device: &Device) -> bool {
    !is_cpu(device)
}

/// Whether projection and loss are one operator that brings its gradients along. Then look-up and projection stand outside autodiff:
/// their gradients go straight into one table, which autodiff would fill and add up several times.
pub fn fuses_loss(device: &Device) -> bool {
    is_cpu(device)
}

/// Whether models train on `device` with products in `dtype`. The kernels on the CPU are of single precision.
pub fn trains_in(device: &Device, dtype: FloatDType) -> bool {
    dtype == FloatDType::F32 || (!is_cpu(device) && device.supports_dtype(dtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_trains_in_single_precision_only() {
        let cpu = Device::flex();
        assert!(trains_in(&cpu, FloatDType::F32));
        assert!(!trains_in(&cpu, FloatDType::BF16) && !trains_in(&cpu.autodiff(), FloatDType::F16));
    }
}
