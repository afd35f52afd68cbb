//! All integration tests in one binary.

mod cli;
mod devices;
mod goldens;
mod interop;
mod metrics;
mod model;
mod operators;
mod ranks;
mod rooms;
mod shared;
mod viewers;
