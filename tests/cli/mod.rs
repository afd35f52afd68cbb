//! The built program, driven as a user drives it.

mod interrupted;
mod latency;
mod mistakes;
mod phases;
mod pipes;
mod program;
mod vulkan;
