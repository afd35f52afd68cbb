//! The phases as a user runs them, each on a run directory: data, supernet, search, training of what was found, test.
//!
//! A phase that was finished before is found in the run directory and not repeated; one that was interrupted goes on.

mod lengths;
mod precision;
mod orders;
mod workspace;
mod beforehand;
mod device_memory;
mod dry_run;
mod scaling;
mod training;

mod weights_hash;
mod search;
mod search_record;
mod search_shown;
mod constraints;
mod losses;
mod seats;
mod evaluator;
mod latency;

mod test;
mod earlier;
mod hypotheses;
mod ladder;
mod model;
mod beside;
mod comparison;
mod whole;
mod seeds;

mod rank;
mod rank_log;
mod rank_sample;

mod follow;

mod report;

mod latency_data;
mod sample;
mod export;
mod import;

pub use constraints::{Extrapolations, check_constraints, compare_with_profile};
pub use dry_run::dry_run;
pub use export::{Exported, export};
pub use follow::follow;
pub use import::{Import, Imported, import};
pub use ladder::Ladder;
pub use latency_data::{Collected, RandomModels, collect};
pub use orders::dismiss;
pub use precision::settle_translation;
pub use rank::{Ranked, Ranking, rank};
pub use rank_log::Evaluated;
pub use report::{optuna_study, report_page, write_report};
pub use sample::{Range, sample_within};
pub use scaling::{Scaling, Speed, scaling};
pub use search::{EarlierTrials, search};
pub use seeds::run_with_seeds;
pub use test::{Scores, load_translator, run_config, test};
pub use training::{adapt_supernet, train_architecture, train_supernet};
pub use whole::{Asked, run};
pub use workspace::{Workspace, check_sentence_length, dimensions, prepare_data, vocabularies};
