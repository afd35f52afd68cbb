//! The devices that tests run on, the program's own tests and those beside it.

use automoe::device::parse;
use burn::tensor::Device;
use std::fmt::Display;
use std::io::{self, Write};

/// The graphics device; without one, a line that says that `test` is skipped.
pub fn vulkan(test: &str) -> Option<Device> {
    parse("vulkan").inspect_err(|error| skip(test, error)).ok()
}

/// The CPU and, where there is one, the graphics device, by name.
pub fn devices(test: &str) -> Vec<(&'static str, Device)> {
    let mut devices = vec![("cpu", Device::flex())];
    devices.extend(vulkan(test).map(|device| ("vulkan", device)));
    devices
}

/// Says that `test` is skipped for want of a device. CI looks for these lines; written this way, they show though the test
/// passes.
pub fn skip(test: &str, why: impl Display) {
    let line = format!("{test}: skipped, no device: {why}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}
