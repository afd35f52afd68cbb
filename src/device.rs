//! Where tensors live (`--device`), and how numbers come there and back.

mod card;
#[cfg(feature = "autotune")]
mod choices;
#[cfg(feature = "gpu")]
mod graphics;
#[cfg(feature = "gpu")]
mod wgsl;

pub use card::Card;

use crate::error::{Error, Result};
use crate::world::world;
use burn::tensor::{Device, Int, Tensor, TensorData, Transaction};
use std::cell::Cell;
use std::path::Path;

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// The device named `name`: `cpu`; `gpu` or `gpu:N` (through Vulkan; on macOS Metal; on Windows DirectX 12 where there is no
/// Vulkan); `vulkan` or `vulkan:N`; `wgsl` or `wgsl:N`, which is `gpu` with kernels in WGSL, for drivers whose own language is
/// broken; `cuda` or `cuda:N`, NVIDIA's own interface. N counts from 0, real graphics cards first; without it the first is
/// taken. `rank` for N takes the one of this process's number on its machine. OpenGL is never taken.
///
/// # Errors
/// The name is none of these, or no such device is there.
pub fn parse(name: &str) -> Result<Device> {
    let (kind, index) = match name.split_once(':') {
        Some((kind, "rank")) => (kind, world().place().on_node),
        Some((kind, index)) => (kind, index.parse::<usize>().map_err(|_| unknown(name))?),
        None => (name, 0),
    };
    match kind {
        "cpu" if name == "cpu" => Ok(Device::flex()),
        "gpu" | "vulkan" | "wgsl" | "cuda" => graphics(name, kind, index),
        _ => Err(unknown(name)),
    }
}

#[cfg(feature = "gpu")]
fn graphics(name: &str, kind: &str, index: usize) -> Result<Device> {
    let interface = match kind {
        "vulkan" => graphics::Interface::Vulkan,
        "wgsl" => graphics::Interface::Wgsl,
        "cuda" => graphics::Interface::Cuda,
        _ => graphics::Interface::Any,
    };
    graphics::open(name, interface, index)
}

#[cfg(not(feature = "gpu"))]
fn graphics(name: &str, _: &str, _: usize) -> Result<Device> {
    Err(Error::input(format!(
        "--device {name}: this program was built without graphics devices (--no-default-features); build it with the \
         feature gpu, or use --device cpu"
    )))
}

/// What is known of `device`, where it is a graphics device.
#[cfg(feature = "gpu")]
pub fn card(device: &Device) -> Option<Card> {
    graphics::card(device)
}

/// What is known of `device`, where it is a graphics device.
#[cfg(not(feature = "gpu"))]
pub fn card(_: &Device) -> Option<Card> {
    None
}

/// Does `work` with the kernels of a graphics device that the folder `run` remembers; those that are found to be the fastest of
/// several on the way are remembered there, and told of at the end. Without the feature `autotune`, and on the CPU, nothing is tried.
#[cfg(feature = "autotune")]
pub fn with_kernels_of<T>(run: &Path, device: &Device, work: impl FnOnce() -> T) -> T {
    if is_cpu(device) { work() } else { choices::remembered_in(&run.join("kernels.db"), work) }
}

/// Does `work`: without the feature `autotune` there is nothing to remember.
#[cfg(not(feature = "autotune"))]
pub fn with_kernels_of<T>(_: &Path, _: &Device, work: impl FnOnce() -> T) -> T {
    work()
}

/// Ids as an index tensor, `[rows]`.
pub fn ids(values: &[u32], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The elements of a tensor, row-major. On a graphics device this waits until it has computed them.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    note_read(&tensor.device());
    tensor.into_data().try_into_vec().expect("tensors of the model are f32")
}

/// The elements of all tensors, one after another. On graphics devices this waits once for all.
pub fn all_to_host(tensors: Vec<Tensor<1>>) -> Vec<f32> {
    let Some(first) = tensors.first() else { return Vec::new() };
    note_read(&first.device());
    let read = tensors.into_iter().fold(Transaction::default(), Transaction::register).execute();
    read.into_iter().flat_map(|data| data.try_into_vec::<f32>().expect("tensors of the model are f32")).collect()
}

/// The element of a tensor that has one. Waits as [`to_host`] does.
pub fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(to_host(tensor.inner())[0])
}

/// [`to_host`] for whole numbers.
pub fn integers_to_host<const D: usize>(tensor: Tensor<D, Int>) -> Vec<i64> {
    note_read(&tensor.device());
    tensor.into_data().iter().collect()
}

/// How often [`to_host`], [`all_to_host`] and [`integers_to_host`] have waited for a graphics device on this thread.
pub fn reads() -> u64 {
    READS.get()
}

fn note_read(device: &Device) {
    if !is_cpu(device) {
        READS.set(READS.get() + 1);
    }
}

fn unknown(name: &str) -> Error {
    Error::input(format!(
        "unknown device {name:?}: expected cpu, or gpu, vulkan, wgsl or cuda, each also with :N or :rank"
    ))
}

/// Whether tensors of `device` are in the host's memory.
pub fn is_cpu(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_devices_are_refused() {
        for name in ["", "tpu", "cpu:0", "gpu:", "gpu:x", "vulkan:-1", "cuda:", "wgsl:x"] {
            assert_eq!(parse(name).unwrap_err().exit_code(), 2, "{name}");
        }
        assert!(is_cpu(&parse("cpu").unwrap()));
        assert!(is_cpu(&parse("cpu").unwrap().autodiff()));
    }
}
