//! What the rooms above have to know of a device, for no operator can hide it: how weights are held, and what is
//! computed in.

use super::cpu::{bfloat16, int8};
use crate::device::is_cpu;
use burn::tensor::{Device, FloatDType};

/// Whether the experts of a layer are held grouped, one above the other: each product is then one launch for all of them.
/// Elsewhere they are held one by one.
pub fn groups_experts(device: &Device) -> bool {
    !is_cpu(device)
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

/// Whether models compute products in `dtype` on `device`; all do in single precision. CPUs do in bfloat16 where they have
/// instructions for it.
pub fn computes_in(device: &Device, dtype: FloatDType) -> bool {
    match is_cpu(device) {
        true => cpu_computes_in(dtype, bfloat16::Path::best()),
        false => dtype == FloatDType::F32 || device.supports_dtype(dtype),
    }
}

fn cpu_computes_in(dtype: FloatDType, path: bfloat16::Path) -> bool {
    dtype == FloatDType::F32 || (dtype == FloatDType::BF16 && path != bfloat16::Path::Plain)
}

/// Whether `device` computes products faster in bfloat16 than in single precision. Of a graphics device it is taken for granted.
pub fn is_fast_in_bfloat16(device: &Device) -> bool {
    match is_cpu(device) {
        true => bfloat16::Path::best().is_fast(),
        false => computes_in(device, FloatDType::BF16),
    }
}

/// Whether inference on `device` computes products in 8-bit integers: on CPUs that have instructions for it.
pub fn computes_in_int8(device: &Device) -> bool {
    is_cpu(device) && int8::Path::best() != int8::Path::Plain
}

#[cfg(test)]
mod tests {
    use super::bfloat16::Path;
    use super::*;

    #[test]
    fn cpus_compute_in_bfloat16_where_they_have_instructions_for_it() {
        for path in [Path::Plain, Path::best()] {
            assert!(cpu_computes_in(FloatDType::F32, path));
            assert!(!cpu_computes_in(FloatDType::F16, path));
        }
        assert!(!cpu_computes_in(FloatDType::BF16, Path::Plain));
        let cpu = Device::flex();
        assert_eq!(computes_in(&cpu, FloatDType::BF16), Path::best() != Path::Plain);
        assert!(computes_in(&cpu, FloatDType::BF16) || !is_fast_in_bfloat16(&cpu));
    }
}
