//! Measured architectures: [`collected`] is the file that they go to here, [`csv`] reads such data and others' as a [`Dataset`].
//! [`features`] turns an architecture into operator counts, [`averages`] into HAT's features.

pub mod averages;
pub mod collected;
pub mod conditions;
pub mod csv;
pub mod dataset;
pub mod features;
pub mod range;
mod records;
mod totals;

pub use averages::Averages;
pub use collected::CollectedFile;
pub use conditions::Conditions;
pub use dataset::{Dataset, Sample};
pub use features::{FeatureSet, Features};
pub use range::MeasuredRange;
