//! Measured architectures: [`collected`] is the file that they go to here, [`csv`] reads such data and others', [`features`]
//! turns an architecture into operator counts, [`averages`] into HAT's.

pub mod averages;
pub mod collected;
pub mod conditions;
pub mod csv;
pub mod features;
mod records;
mod totals;

pub use averages::Averages;
pub use collected::CollectedFile;
pub use conditions::{Conditions, MeasuredRange};
pub use csv::{Dataset, Sample};
pub use features::{FeatureSet, Features};
