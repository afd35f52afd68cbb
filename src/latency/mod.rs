//! Latency of one device: measured architectures in a CSV file, a predictor fitted to them, and the profile that keeps it.
//!
//! [`mod@measure`] measures a model here; [`data`] is the file that measured architectures go to and are read from, others'
//! files too, and what they tell of each architecture; [`predict`] fits a predictor to them and keeps it as a profile.

pub mod data;
pub mod measure;
pub mod predict;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod spread_tests;
mod statistics;

pub use data::{Averages, CollectedFile, Conditions, FeatureSet, Features, MeasuredRange, MeasuredRows, Sample};
pub use measure::{Effort, Latency, Measurement, Timing, Undisturbed, measure};
pub use predict::{
    DenseLayer, FitReport, ImportReport, LatencyProfile, Metrics, Perceptron, Prediction, Report, TestedRow, fit,
};
