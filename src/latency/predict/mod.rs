//! Predictors of latency: [`mod@fit`] splits, fits and chooses between the models of [`model`], and [`profile`] keeps the
//! chosen one, or an imported [`perceptron`]. `drift` and [`calibration`] deal with what such data show: a device that runs
//! faster in one session than in another.

pub mod calibration;
mod drift;
pub mod fit;
pub(super) mod linalg;
pub mod metrics;
pub mod model;
mod nnls;
pub mod perceptron;
pub mod profile;
pub mod ridge;
mod stored;

pub use fit::{FitReport, TestedRow, fit};
pub use metrics::Metrics;
pub use perceptron::{DenseLayer, Perceptron};
pub use profile::{LatencyProfile, Prediction, Report};
