//! Which language a graphics device's kernels are in. wgpu's runtime takes a driver's own wherever the driver claims to have
//! it; here WGSL is taken as well where it is asked for (`--device wgsl`), and where the own one would go wrong.

use crate::panics::caught;
use burn::backend::{WgpuBackend, WgpuDevice, WgpuDeviceKind};
use cubecl::WgpuCompilationOptions;
use cubecl::client::Client;
use cubecl::ir::features::{AtomicUsage, TypeUsage};
use cubecl::ir::{AddressType, DeviceProperties, ElemType, FloatKind, IntKind, TargetProperties, Type, UIntKind};
use cubecl::logging::ServerLogger;
use cubecl::server::ServerUtilities;
use cubecl_common::device::{Device, DeviceId, DeviceService, ServiceId};
use cubecl_server::allocator::ContiguousMemoryLayoutPolicy;
use cubecl_wgpu::wgpu::Features;
use cubecl_wgpu::{AutoCompiler, Metal, RuntimeOptions, Vulkan, WgpuInitError, WgpuServer, WgpuSetup, try_init_setup};
use std::sync::{Arc, Mutex, PoisonError};

/// A device that was opened.
struct Opened {
    native: DeviceId,
    /// Whether its driver's own language can be taken.
    usable: bool,
    /// The same device with kernels in WGSL.
    in_wgsl: Option<WgpuDevice>,
}

/// The device `native`, with kernels in its driver's own language, unless that cannot be used or `wgsl` is asked for: then under
/// another id, with kernels in WGSL.
///
/// # Errors
/// The driver does not open it.
pub(super) fn open(native: WgpuDevice, wgsl: bool) -> Result<WgpuDevice, WgpuInitError> {
    static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = opened.len();
    let index = match opened.iter().position(|opened| opened.native == native.to_id()) {
        Some(index) => index,
        None => {
            opened.push(Opened { native: native.to_id(), usable: register_native(&native)?, in_wgsl: None });
            count
        }
    };
    let opened = &mut opened[index];
    if let Some(device) = opened.in_wgsl.as_ref().filter(|_| wgsl || !opened.usable) {
        return Ok(device.clone());
    }
    if opened.usable && !wgsl {
        return Ok(native);
    }
    // The id of no interface in particular, which nothing else here opens.
    let unpinned = WgpuDevice::new(native.kind.clone());
    let setup = match native.backend {
        WgpuBackend::Vulkan => try_init_setup::<Vulkan>(&unpinned, RuntimeOptions::try_default()?)?,
        WgpuBackend::Metal => try_init_setup::<Metal>(&unpinned, RuntimeOptions::try_default()?)?,
        // WGSL is all that the others understand.
        _ => return Ok(native),
    };
    let device = WgpuDevice::new(WgpuDeviceKind::Existing(index as u32));
    register(setup, &unpinned, &device)?;
    opened.in_wgsl = Some(device.clone());
    Ok(device)
}

/// Opens `native` as it is, and says whether it can be used so. Memory that the units of a workgroup share is declared wrongly
/// in the SPIR-V of cubecl 0.11.3 (`lower_shared_implicit`: a pointer too much) unless the driver takes it with an explicit layout
/// (`VK_KHR_workgroup_memory_explicit_layout`); Mesa's drivers crash on that.
///
/// # Errors
/// As [`open`].
fn register_native(native: &WgpuDevice) -> Result<bool, WgpuInitError> {
    // It panics where the driver does not open the device.
    let server = caught(|| WgpuServer::<AutoCompiler>::init(native.to_id()));
    let server = server.map_err(|message| WgpuInitError::RequestDevice { message })?;
    let options = &server.compilation_options;
    let usable = !options.supports_vulkan_compiler || options.vulkan.supports_explicit_smem;
    if usable {
        // Otherwise it is opened once more when it is used.
        let _ = Client::try_init(native.to_id(), server);
    }
    Ok(usable)
}

/// Makes `device` one that has its memory and its limits of `native`, and its kernels in WGSL.
fn register(setup: WgpuSetup, native: &WgpuDevice, device: &WgpuDevice) -> Result<(), WgpuInitError> {
    let native = cubecl::Device::Wgpu(native.clone()).client().properties_shared();
    let properties = properties(&native, setup.adapter.features());
    let RuntimeOptions { tasks_max, memory_config } = RuntimeOptions::try_default()?;
    let (utilities, captures) = ServerUtilities::init(
        ServiceId::of::<WgpuServer<AutoCompiler>>(device.to_id()),
        "wgpu<wgsl>",
        properties,
        TargetProperties { mma: Default::default() },
        Arc::new(ServerLogger::default()),
        ContiguousMemoryLayoutPolicy::new(native.memory.alignment as usize),
    );
    let server = WgpuServer::<AutoCompiler>::new(
        native.memory.clone(),
        memory_config,
        // Without a word of the driver's own language, which would be taken.
        WgpuCompilationOptions::default(),
        setup.device,
        setup.queue,
        tasks_max,
        setup.backend,
        native.timing_method,
        utilities,
        captures,
    );
    let registered = Client::try_init(device.to_id(), server);
    registered.map(drop).map_err(|error| WgpuInitError::Registration { message: format!("{error:?}") })
}

/// What kernels in WGSL may use of a device: the types that the language has, and no matrix units.
fn properties(native: &DeviceProperties, features: Features) -> DeviceProperties {
    let mut hardware = native.hardware.clone();
    hardware.max_vector_size = 4;
    hardware.cube_mma_reserved_shared_memory = 0;
    let (memory, identity) = (native.memory.clone(), native.identity.clone());
    let mut properties = DeviceProperties::new(Default::default(), memory, hardware, native.timing_method, identity);
    properties.register_address_type(AddressType::U32);
    let always = Features::empty();
    let types = [
        (always, ElemType::Index),
        (always, ElemType::UInt(UIntKind::U32)),
        (always, ElemType::Int(IntKind::I32)),
        (always, ElemType::Float(FloatKind::F32)),
        (always, ElemType::Float(FloatKind::Flex32)),
        (always, ElemType::Bool),
        (Features::SHADER_INT64, ElemType::Int(IntKind::I64)),
        (Features::SHADER_F64, ElemType::Float(FloatKind::F64)),
        (Features::SHADER_F16, ElemType::Float(FloatKind::F16)),
    ];
    for (needed, kind) in types {
        if features.contains(needed) {
            properties.register_type_usage(kind, TypeUsage::all());
        }
    }
    let atomics = [
        (always, ElemType::Int(IntKind::I32)),
        (always, ElemType::UInt(UIntKind::U32)),
        (Features::SHADER_FLOAT32_ATOMIC, ElemType::Float(FloatKind::F32)),
    ];
    for (needed, kind) in atomics {
        if features.contains(needed) {
            let usage = AtomicUsage::LoadStore | AtomicUsage::Exchange | AtomicUsage::Add;
            properties.register_atomic_type_usage(Type::atomic(kind), usage);
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_does_not_open_is_an_error_in_one_line() {
        let missing = WgpuDevice::new(WgpuDeviceKind::VirtualGpu(99)).on(WgpuBackend::Vulkan);
        for wgsl in [false, true] {
            let told = open(missing.clone(), wgsl).unwrap_err().to_string();
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }
}
