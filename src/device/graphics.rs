//! Graphics devices, through the interfaces that are supported.

use super::card::Card;
use super::wgsl;
use crate::error::{Error, Result};
use crate::panics::caught;
use burn::backend::{CubeDevice, DispatchDevice, WgpuBackend, WgpuDevice, WgpuDeviceKind};
use burn::tensor::Device;
use cubecl_environment::stream::{StreamPolicy, set_policy};

/// How a graphics device is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Interface {
    /// The first supported interface that has any device.
    Any,
    /// Vulkan alone.
    Vulkan,
    /// As `Any`, with kernels in WGSL, whatever else the driver understands.
    Wgsl,
    /// NVIDIA's own.
    Cuda,
}

/// The device `index`, counted from 0, of `interface`. `name` is how the user named it.
///
/// # Errors
/// There is none.
pub(super) fn open(name: &str, interface: Interface, index: usize) -> Result<Device> {
    if interface == Interface::Vulkan && cfg!(target_vendor = "apple") {
        return Err(Error::input(format!("--device {name}: this platform's graphics interface is Metal; use gpu")));
    }
    if interface == Interface::Cuda && cfg!(not(feature = "cuda")) {
        let message = "this program was built without CUDA; build it with --features cuda, or use --device gpu";
        return Err(Error::input(format!("--device {name}: {message}")));
    }
    // Otherwise each thread has a queue of its own, and what one wrote another has read too early (seen in cubecl 0.11.3):
    // a training whose parts ran on rayon's threads gave other losses each time.
    set_policy(StreamPolicy::Single);
    #[cfg(feature = "autotune")]
    super::choices::remember_for_user();
    let mut devices = match interface {
        Interface::Cuda => alike(CubeDevice::Cuda(Default::default())),
        Interface::Vulkan => devices(WgpuBackend::Vulkan),
        Interface::Any | Interface::Wgsl => {
            let found = supported().iter().map(|&interface| devices(interface));
            found.into_iter().find(|devices| !devices.is_empty()).unwrap_or_default()
        }
    };
    if index >= devices.len() {
        return Err(Error::input(match (devices.len(), interface) {
            (0, Interface::Cuda) => {
                format!("--device {name}: no NVIDIA card with its driver found; use --device gpu or cpu")
            }
            (0, _) => format!("--device {name}: {}", missing()),
            (count, _) => format!("--device {name}: such devices that are here are counted from 0 to {}", count - 1),
        }));
    }
    let device = match devices.swap_remove(index) {
        CubeDevice::Wgpu(device) => {
            let opened = wgsl::open(device, interface == Interface::Wgsl);
            CubeDevice::Wgpu(opened.map_err(|error| Error::failure(error).at(format!("--device {name}")))?)
        }
        device => device,
    };
    // CUDA is first called here, and panics where it does not begin.
    caught(|| tell(name, interface, &device)).map_err(|fault| Error::failure(fault).at(format!("--device {name}")))?;
    Ok(Device::new(device))
}

/// What is known of `device`, where it is a graphics device.
pub(super) fn card(device: &Device) -> Option<Card> {
    let reserved_bytes = device.memory_pool_usage()?.bytes_reserved;
    let device = device.clone().inner();
    let DispatchDevice::Cube(device) = device.as_dispatch() else { return None };
    let client = device.client();
    let properties = client.properties();
    Some(Card {
        name: properties.identity.name.clone(),
        kernels: client.name(),
        memory_bytes: properties.memory.max_memory(),
        reserved_bytes,
    })
}

/// Tells which device was opened, and what may make it slow.
fn tell(name: &str, interface: Interface, device: &CubeDevice) {
    let client = device.client();
    let identity = &client.properties().identity;
    let wgsl = client.name() == "wgpu<wgsl>";
    match (&identity.physical, interface) {
        (None, _) => tracing::warn!(
            "--device {name}: {}, a driver on the CPU and no card: slower than --device cpu",
            identity.name
        ),
        (Some(_), Interface::Any | Interface::Vulkan) if wgsl => tracing::warn!(
            "--device {name}: {}, whose driver lacks what kernels in its own language need: they are in WGSL, without matrix \
             units",
            identity.name
        ),
        (Some(_), _) => tracing::info!("--device {name}: {}", identity.name),
    }
    tracing::debug!("--device {name}: {}", client.name());
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
    kinds.into_iter().flat_map(|kind| alike(CubeDevice::Wgpu(WgpuDevice::new(kind).on(interface)))).collect()
}

/// The devices that are of the kind of `device` and reached as it is.
fn alike(device: CubeDevice) -> Vec<CubeDevice> {
    CubeDevice::enumerate(device.to_id()).into_iter().map(CubeDevice::from_id).collect()
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
        let _ = open("gpu", Interface::Any, 0);
        let elsewhere = std::thread::spawn(StreamId::current).join().unwrap();
        assert_eq!(elsewhere, StreamId::current());
    }

    #[test]
    fn wgsl_is_had_whatever_else_a_driver_understands() {
        let opened = |interface| open("gpu", interface, 0).ok().and_then(|device| card(&device));
        let (Some(own), Some(wgsl)) = (opened(Interface::Any), opened(Interface::Wgsl)) else { return };
        println!("kernels of {}: {}", own.name, own.kernels);
        assert_eq!(wgsl.kernels, "wgpu<wgsl>");
        assert_eq!((wgsl.name, wgsl.memory_bytes), (own.name, own.memory_bytes));
        // Opened again, they are the same devices.
        assert_eq!(opened(Interface::Any).unwrap().kernels, own.kernels);
        assert_eq!(opened(Interface::Wgsl).unwrap().kernels, "wgpu<wgsl>");
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let message = missing();
        assert!(message.contains("install") && message.contains("--device cpu"), "{message}");
        assert!(!cfg!(target_os = "linux") || message.contains("mesa-vulkan-drivers"), "{message}");
        assert!(!supported().contains(&WgpuBackend::Gl));
    }
}
