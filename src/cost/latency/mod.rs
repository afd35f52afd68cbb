//! Latency of one device: measured architectures in a CSV file, a predictor fitted to them, and the profile that keeps it.
//!
//! [`mod@measure`] measures a model here; [`mod@spread`] draws architectures to measure, and [`collected`] is the file that they
//! go to. [`csv`] reads such data and others', [`features`] turns an architecture into operator counts, [`mod@fit`] splits,
//! fits and chooses between the models of [`model`], and [`profile`] keeps the chosen one, or an imported
//! [`perceptron`]. `drift` and [`calibration`] deal with what
//! such data show: a device that runs faster in one session than in another.

pub mod averages;
pub mod calibration;
pub mod collected;
pub mod conditions;
pub mod csv;
mod drift;
pub mod features;
pub mod fit;
mod linalg;
pub mod measure;
pub mod metrics;
pub mod model;
mod nnls;
pub mod perceptron;
pub mod profile;
mod records;
pub mod ridge;
#[cfg(test)]
mod simulated;
pub mod spread;
mod stored;
pub mod timing;
pub mod undisturbed;

pub use averages::Averages;
pub use collected::CollectedFile;
pub use conditions::{Conditions, MeasuredRange};
pub use csv::{Dataset, Sample};
pub use features::{FeatureSet, Features};
pub use fit::{FitReport, TestedRow, fit};
pub use measure::{Effort, Latency, Measurement, measure};
pub use metrics::Metrics;
pub use perceptron::{DenseLayer, Perceptron};
pub use profile::{LatencyProfile, Prediction, Report};
pub use spread::spread;
pub use timing::Timing;
pub use undisturbed::Undisturbed;
