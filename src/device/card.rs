//! What a graphics device is.

/// What is known of a graphics device.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// What its driver calls it.
    pub name: String,
    /// The runtime that its kernels are for, and the language where there are several: `wgpu<spirv>`, `wgpu<wgsl>`, ….
    pub kernels: &'static str,
    /// Bytes of its memory, where the driver tells.
    pub memory_bytes: Option<u64>,
    /// Bytes that this program has reserved of it: the most that it has used, as little is given back.
    pub reserved_bytes: u64,
}
