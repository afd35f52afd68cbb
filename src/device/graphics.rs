//! Graphics devices, through the interfaces that are supported.

use crate::error::{Error, Result};
use burn::backend::{CubeDevice, WgpuBackend, WgpuDevice, WgpuDeviceKind};
use burn::tensor::Device;
use cubecl_environment::stream::{StreamPolicy, set_policy};

/// The device `index`, counted from 0, of the first supported interface that has any: Vulkan alone where `vulkan` asks for it.
/// `name` is how the user named it.
///
/// # Errors
/// There is none.
pub(super) fn open(name: &str, vulkan: bool, index: usize) -> Result<Device> {
    if vulkan && cfg!(target_vendor = "apple") {
        return Err(Error::input(format!("--device {name}: this platform's graphics interface is Metal; use gpu")));
    }
    // Otherwise each thread has a queue of its own, and what one wrote another has read too early (seen in cubecl 0.11.3):
    // a training whose parts ran on rayon's threads gave other losses each time.
    set_policy(StreamPolicy::Single);
    let interfaces = if vulkan { &[WgpuBackend::Vulkan] } else { supported() };
    let mut devices =
        interfaces.iter().map(|&interface| devices(interface)).find(|devices| !devices.is_empty()).unwrap_or_default();
    if index >= devices.len() {
        return Err(Error::input(match devices.len() {
            0 => format!("--device {name}: {}", missing()),
            count => format!("--device {name}: such devices that are here are counted from 0 to {}", count - 1),
        }));
    }
    let device = Device::new(devices.swap_remove(index));
    if let Some(identity) = device.identity() {
        match identity.physical {
            Some(_) => tracing::info!("--device {name}: {}", identity.name),
            None => tracing::warn!(
                "--device {name}: {}, a driver on the CPU and no card: slower than --device cpu",
                identity.name
            ),
        }
    }
    Ok(device)
}

/// Interfaces of this platform, best first. OpenGL is none of them: its shading language may let what is not a number vanish.
fn supported() -> &'static [WgpuBackend] {
    match () {
        () if cfg!(target_vendor = "apple") => &[WgpuBackend::Metal],
        () if cfg!(windows) => &[WgpuBackend::Vulkan, WgpuBackend::Dx12],
        () => &[WgpuBackend::Vulkan],
    }
}

/// Devices of `interface`, real cards first.
fn devices(interface: WgpuBackend) -> Vec<CubeDevice> {
    let kinds = [
        WgpuDeviceKind::DiscreteGpu(0),
        WgpuDeviceKind::IntegratedGpu(0),
        WgpuDeviceKind::VirtualGpu(0),
        WgpuDeviceKind::Other(0),
        WgpuDeviceKind::Cpu,
    ];
    let of_kind = |kind| CubeDevice::enumerate(CubeDevice::Wgpu(WgpuDevice::new(kind).on(interface)).to_id());
    kinds.into_iter().flat_map(of_kind).map(CubeDevice::from_id).collect()
}

/// What to do where no interface has a device.
fn missing() -> String {
    let found = match devices(WgpuBackend::Gl).is_empty() {
        true => "no graphics device with a driver found",
        false => "only OpenGL found, which cannot be used",
    };
    let driver = match cfg!(target_os = "linux") {
        true => "a Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers; NVIDIA's own driver brings one)",
        false => "the graphics card's driver",
    };
    format!("{found}; install {driver}, or use --device cpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_share_a_graphics_devices_queue() {
        use cubecl_environment::stream::StreamId;
        // With or without such a device here: the queue is chosen before.
        let _ = open("gpu", false, 0);
        let elsewhere = std::thread::spawn(StreamId::current).join().unwrap();
        assert_eq!(elsewhere, StreamId::current());
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let message = missing();
        assert!(message.contains("install") && message.contains("--device cpu"), "{message}");
        assert!(!cfg!(target_os = "linux") || message.contains("mesa-vulkan-drivers"), "{message}");
        assert!(!supported().contains(&WgpuBackend::Gl));
    }
}
