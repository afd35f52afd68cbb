//! The text formats, one a file.

mod tsv;
mod two_files;

use super::format::TextFormat;

/// All formats, in the order of the catalog.
pub static FORMATS: [&dyn TextFormat; 2] = [&two_files::TwoFiles, &tsv::Tsv];
