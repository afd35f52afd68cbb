//! Measured architectures: [`collected`] is the file that they go to here, [`csv`] reads such data and others' as
//! [`MeasuredRows`].
//! [`features`] turns an architecture into operator counts, [`averages`] into HAT's features.

pub mod averages;
pub mod collected;
pub mod conditions;
pub mod csv;
pub mod measured_rows;
pub mod features;
pub mod range;
mod records;
mod totals;

pub use averages::Averages;
pub use collected::CollectedFile;
pub use conditions::Conditions;
pub use features::{FeatureSet, Features};
pub use measured_rows::{MeasuredRows, Sample};
pub use range::MeasuredRange;
