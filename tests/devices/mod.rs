//! The devices that tests run on, the program's own tests and those beside it.

use automoe::device::{card, parse};
use burn::tensor::Device;
use std::fmt::Display;
use std::io::{self, Write};

/// The graphics device; without one, a line that says that `test` is skipped.
pub fn vulkan(test: &str) -> Option<Device> {
    named("vulkan", test)
}

fn named(name: &str, test: &str) -> Option<Device> {
    parse(name).inspect_err(|error| skip(test, error)).ok()
}

/// The names of the graphics device: with kernels in its driver's own language, and in WGSL where that is another. None
/// without a device, and a line that says that `test` is skipped.
pub fn languages(test: &str) -> Vec<&'static str> {
    match vulkan(test).and_then(|device| card(&device)) {
        None => vec![],
        Some(card) if card.kernels == "wgpu<wgsl>" => vec!["vulkan"],
        Some(_) => vec!["vulkan", "wgsl"],
    }
}

/// The CPU and, where there is one, the graphics device, by name.
pub fn devices(test: &str) -> Vec<(&'static str, Device)> {
    let graphics = languages(test).into_iter().filter_map(|name| Some((name, named(name, test)?)));
    [("cpu", Device::flex())].into_iter().chain(graphics).collect()
}

/// Says that `test` is skipped for want of a device. CI looks for these lines; written this way, they show though the test
/// passes.
pub fn skip(test: &str, why: impl Display) {
    let line = format!("{test}: skipped, no device: {why}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}
