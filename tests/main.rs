//! All integration tests in one binary.

mod cli;
mod devices;
mod goldens;
mod interop;
mod metrics;
mod model;
mod operators;
mod rooms;
mod shared;
mod viewers;
