//! Latency of a model on this device: [`measurement`] times its decoding, [`timing`] and [`undisturbed`] say what repeated
//! times tell.

pub mod measurement;
pub mod timing;
pub mod undisturbed;

pub use measurement::{Effort, Latency, Measurement, measure};
pub use timing::Timing;
pub use undisturbed::Undisturbed;
