//! Tables for people and scripts: the paper's own, beside what is computed and measured here. Plots of latencies.

mod differences;
mod format;
mod latency_plot;
mod measured;
mod paper;
mod published;
mod table;

pub use format::Format;
pub use latency_plot::latency_plot;
pub use measured::{MeasuredRow, measured_rows};
pub use paper::paper_tables;
pub use published::{PublishedArchitecture, published_architectures};
pub use table::{Cell, Column, Row, Table};
