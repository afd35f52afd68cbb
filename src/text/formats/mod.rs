//! The text formats, one a file.

mod two_files;

use super::format::TextFormat;

/// All formats, in the order of the catalog.
pub static FORMATS: [&dyn TextFormat; 1] = [&two_files::TwoFiles];
