//! What a format of tables is.

use super::table::Table;
use std::fmt::Debug;

/// A format that tables are written in. Each is a file in `export/`.
pub trait Exporter: Debug + Sync {
    /// As users name it.
    fn name(&self) -> &'static str;

    /// What it is like, one line.
    fn documentation(&self) -> &'static str;

    /// The tables in this format, with a newline at the end.
    fn export(&self, tables: &[Table]) -> String;
}
