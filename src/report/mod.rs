//! Tables for people and scripts: what a run has found, and the paper's own tables beside what is computed and measured here.
//! Plots of latencies.

pub mod export;
pub mod exporter;
mod digits;
mod table;

mod reading;
mod results;
mod figures;
mod results_table;
mod repeated_rows;
mod mean_readings;
mod seeds;
mod seeds_table;

mod rank_table;

mod corpora;
mod differences;
mod paper;
mod published;

mod latency_plot;

mod optuna;

pub use corpora::{corpus_of, default_runs};
pub use digits::digits;
pub use exporter::Exporter;
pub use latency_plot::latency_plot;
pub use optuna::optuna_journal;
pub use paper::{MeasuredRun, paper_tables};
pub use published::{PublishedArchitecture, published_architectures};
pub use rank_table::rank_tables;
pub use reading::{Curve, Quality, Reading};
pub use repeated_rows::Figure;
pub use results::{Compared, Reference, Results, TestedModel, WINNER, parted};
pub use results_table::results_tables;
pub use seeds::Repeated;
pub use seeds_table::seeds_tables;
pub use table::{Cell, Column, Rounding, Row, Table};
