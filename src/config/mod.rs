//! The settings of a run: one TOML file, typed, checked and completed before anything starts.
//!
//! [`Config::load`] finds the file (a path, a name in `configs/`, or one that ships with the program), points at the line of
//! every mistake in it, and returns settings in which nothing is left open; [`Config::to_toml`] writes them down.

mod adapt;
mod baseline;
mod by_hand;
mod catalog_names;
mod compare;
mod cost;
mod data;
mod document;
mod explain;
mod faults;
mod find;
mod given;
mod keys;
mod limits;
mod load;
mod mistakes;
mod model;
mod precision;
mod rank;
mod ranges;
mod report;
mod schema;
mod search;
mod settings;
mod shown;
mod since_0_1;
mod train;
mod train_overrides;
mod translate;
mod validate;

pub use adapt::AdaptConfig;
pub use baseline::BaselineConfig;
pub use by_hand::ByHand;
pub use catalog_names::{AlgorithmName, ObjectiveName, WeightSharingName};
pub use compare::{CompareConfig, CompareKind};
pub use cost::CostConfig;
pub use data::{Corpus, DataConfig, Subwords};
pub use explain::explain;
pub use find::BUILT_IN;
pub use limits::Limits;
pub use load::Loaded;
pub use model::{ModelConfig, Tables};
pub use precision::Precision;
pub use rank::RankConfig;
pub use report::ReportConfig;
pub use search::{LatencySource, SearchConfig};
pub use settings::{Config, is_adjustable, may_change};
pub use shown::said;
pub use since_0_1::default_of_new_key;
pub use train::{LrSchedule, Sampling, TrainConfig};
pub use train_overrides::TrainOverrides;
pub use translate::TranslateConfig;

#[cfg(test)]
mod tests;
