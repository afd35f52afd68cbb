//! What the rooms above have to know of a device, for no operator can hide it: how weights are held, what is left to
//! autodiff, and what is computed in.

use crate::device::is_cpu;
use burn::tensor::{Device, FloatDType};

/// Whether the experts of a layer are held grouped, one above the other: each product is then one launch for all of them.
/// Elsewhere they are held one by one.
pub fn groups_experts(device: &Device) -> bool {
    !is_cpu(device)
}

/// Whether projection and loss are one operator that brings its gradients along, see [`super::losses`]. Look-up and
/// projection then stand outside autodiff: their gradients go straight into one table, which autodiff would fill and add
/// up several times. Where autodiff begins is a model's affair, so that it has to ask.
pub fn fuses_loss(device: &Device) -> bool {
    is_cpu(device)
}

/// Whether graphics devices route the tokens of a layer of so many experts; otherwise the host does.
#[cfg(feature = "gpu")]
pub fn routes(experts: usize) -> bool {
    experts <= super::gpu::routing::MOST_EXPERTS
}

/// Whether a sentence without padding has the same bits whatever is beside it. Graphics devices sum in an order that depends on
/// the shape of a batch.
pub fn sentences_stand_alone(device: &Device) -> bool {
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
