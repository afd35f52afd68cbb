//! All integration tests in one binary.

mod cli;
mod goldens;
mod interop;
mod metrics;
mod model;
mod operators;
