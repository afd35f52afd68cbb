//! Latency of one device: measured architectures in a CSV file, a predictor fitted to them, and the profile that keeps it.
//!
//! [`csv`] reads the data, [`features`] turns an architecture into operator counts, [`mod@fit`] splits, fits and chooses
//! between the models of [`model`], and [`profile`] saves the chosen one. `drift` deals with what such data
//! show: a device that runs faster in one session than in another. [`mod@measure`] measures a model here.

pub mod averages;
pub mod csv;
mod drift;
pub mod features;
pub mod fit;
mod linalg;
pub mod measure;
pub mod metrics;
pub mod model;
mod nnls;
pub mod profile;
mod records;
pub mod ridge;
#[cfg(test)]
mod simulated;

pub use csv::{Dataset, Sample};
pub use features::{FeatureSet, Features};
pub use fit::{FitReport, fit};
pub use measure::{Latency, Timing, measure};
pub use metrics::Metrics;
pub use profile::{LatencyProfile, Prediction};
