//! Predictors of latency: [`mod@fit`] fits the models of [`model`] and chooses between them, and [`profile`] keeps the chosen
//! one, or an imported [`perceptron`], with the [`report`] of how well it does. `drift` and [`calibration`] deal with what such
//! data show: a device that runs faster in one session than in another.

pub mod calibration;
mod drift;
pub mod fit;
pub mod interval;
mod least_squares;
pub mod metrics;
pub mod model;
pub mod perceptron;
pub mod profile;
pub mod report;
pub mod ridge;
mod stored;

pub use fit::fit;
pub use metrics::Metrics;
pub use perceptron::{DenseLayer, Perceptron};
pub use profile::{LatencyProfile, Prediction};
pub use report::{FitReport, ImportReport, Report, TestedRow};
