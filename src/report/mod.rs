//! Tables for people and scripts: the paper's own, beside what is computed and measured here.

mod differences;
mod format;
mod measured;
mod paper;
mod published;
mod table;

pub use format::Format;
pub use measured::{MeasuredRow, measured_rows};
pub use paper::paper_tables;
pub use published::{PublishedArchitecture, published_architectures};
pub use table::{Cell, Column, Row, Table};
