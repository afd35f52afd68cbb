//! Where tensors live: `--device`.

use crate::error::{Error, Result};
use burn::tensor::{Device, DeviceType, Int, Tensor};
use cubecl_environment::stream::{StreamPolicy, set_policy};
use std::cell::Cell;

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// The device named `name`: `cpu`; `gpu` or `gpu:N` (the platform's own graphics interface); `vulkan` or `vulkan:N`, the
/// same where that interface is Vulkan. N counts from 0, real graphics cards first; without it the first is taken.
///
/// # Errors
/// The name is none of these, or no such device is there.
pub fn parse(name: &str) -> Result<Device> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, index.parse::<usize>().map_err(|_| unknown(name))?),
        None => (name, 0),
    };
    match kind {
        "cpu" if name == "cpu" => return Ok(Device::flex()),
        "vulkan" if cfg!(any(windows, target_vendor = "apple")) => {
            return Err(Error::input(format!(
                "--device {name}: this platform's graphics interface is another; use gpu"
            )));
        }
        "gpu" | "vulkan" => {}
        _ => return Err(unknown(name)),
    }
    // Otherwise each thread has a queue of its own, and what one wrote another has read too early (seen in cubecl 0.11.3):
    // a training whose parts ran on rayon's threads gave other losses each time.
    set_policy(StreamPolicy::Single);
    let mut devices = Device::enumerate(DeviceType::Wgpu).into_vec();
    if index < devices.len() {
        let device = devices.swap_remove(index);
        if let Some(identity) = device.identity() {
            match identity.physical {
                Some(_) => tracing::info!("--device {name}: {}", identity.name),
                None => tracing::warn!(
                    "--device {name}: {}, a driver on the CPU and no card: slower than --device cpu",
                    identity.name
                ),
            }
        }
        return Ok(device);
    }
    Err(Error::input(match devices.len() {
        0 => format!("--device {name}: no graphics device with a driver found; install one, or use --device cpu"),
        count => format!("--device {name}: there are {count} such devices, counted from 0"),
    }))
}

/// The elements of a tensor, row-major. On a graphics device this waits until it has computed them.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    note_read(&tensor.device());
    tensor.into_data().try_into_vec().expect("tensors of the model are f32")
}

/// The same for whole numbers.
pub fn integers_to_host<const D: usize>(tensor: Tensor<D, Int>) -> Vec<i64> {
    note_read(&tensor.device());
    tensor.into_data().iter().collect()
}

/// How often [`to_host`] and [`integers_to_host`] have waited for a graphics device on this thread.
pub fn reads() -> u64 {
    READS.get()
}

fn note_read(device: &Device) {
    if !is_cpu(device) {
        READS.set(READS.get() + 1);
    }
}

fn unknown(name: &str) -> Error {
    Error::input(format!("unknown device {name:?}: expected cpu, gpu, gpu:N, vulkan or vulkan:N"))
}

/// Whether tensors of `device` are in the host's memory.
pub fn is_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_share_a_graphics_devices_queue() {
        use cubecl_environment::stream::StreamId;
        // With or without such a device here: the queue is chosen before.
        let _ = parse("gpu");
        let elsewhere = std::thread::spawn(StreamId::current).join().unwrap();
        assert_eq!(elsewhere, StreamId::current());
    }

    #[test]
    fn names_that_are_no_devices_are_refused() {
        for name in ["", "tpu", "cpu:0", "gpu:", "gpu:x", "vulkan:-1", "cuda"] {
            assert_eq!(parse(name).unwrap_err().exit_code(), 2, "{name}");
        }
        assert!(is_cpu(&parse("cpu").unwrap()));
        assert!(is_cpu(&parse("cpu").unwrap().autodiff()));
    }
}
