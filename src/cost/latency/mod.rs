//! Latency of one device: measured architectures in a CSV file, a predictor fitted to them, and the profile that keeps it.
//!
//! [`csv`] reads the data, [`features`] turns an architecture into operator counts, [`fit`] splits, fits and chooses
//! between the models of [`model`], and [`profile`] saves the chosen one. [`drift`] deals with what all such data show:
//! a device that runs faster in one session than in another.

pub mod csv;
mod drift;
pub mod features;
pub mod fit;
mod linalg;
pub mod metrics;
pub mod model;
mod nnls;
pub mod profile;
mod ridge;
#[cfg(test)]
mod simulated;

pub use csv::{Dataset, Sample};
pub use features::{FeatureSet, Features, RoutingFractions};
pub use fit::{FitReport, fit};
pub use metrics::Metrics;
pub use profile::{LatencyProfile, Prediction};
