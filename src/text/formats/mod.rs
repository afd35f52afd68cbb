//! The text formats, one a file.

mod fairseq;
mod parquet;
mod tmx;
mod tsv;
mod two_files;

use super::format::TextFormat;

/// All formats, in the order of the catalog.
pub static FORMATS: [&dyn TextFormat; 5] =
    [&two_files::TwoFiles, &fairseq::Fairseq, &tsv::Tsv, &tmx::Tmx, &parquet::Parquet];
