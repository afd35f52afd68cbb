//! The formats of tables, one a file.

mod csv;
mod json;
mod latex;
mod markdown;
#[cfg(test)]
mod testing;
mod text;

pub use csv::Csv;
pub use json::Json;
pub use latex::Latex;
pub use markdown::Markdown;
pub use text::Text;

use super::exporter::Exporter;

/// All formats, in the order of help.
pub static EXPORTERS: [&dyn Exporter; 5] = [&Markdown, &Text, &Csv, &Latex, &Json];
