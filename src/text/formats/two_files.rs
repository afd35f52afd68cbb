//! Two files of one sentence a line, plain or gzip, line i of one a translation of line i of the other.

use crate::catalog::{TWO_FILES, TextFormatRow};
use crate::error::{Error, Result};
use crate::text::format::{NamedText, SoughtFile, TextFormat};
use crate::text::lines::read_lines;
use crate::text::pairs::Pairs;
use crate::text::parallel::ParallelText;

/// `<name>.<language>`, or the same with `.gz`, for both languages.
pub struct TwoFiles;

impl TextFormat for TwoFiles {
    fn row(&self) -> &'static TextFormatRow {
        &TWO_FILES
    }

    fn files(&self, text: &NamedText) -> Vec<SoughtFile> {
        files(text).into()
    }

    fn read(&self, text: &NamedText) -> Result<Pairs> {
        let [source, target] = files(text);
        let (source, target) = (source.find()?, target.find()?);
        let (sources, targets) = (read_lines(&source)?, read_lines(&target)?);
        if sources.len() != targets.len() {
            return Err(Error::input(format!(
                "{} has {} lines and {} has {}: line i of one must be the translation of line i of the other",
                source.display(),
                sources.len(),
                target.display(),
                targets.len()
            )));
        }
        Ok(Pairs::Text(ParallelText { sources, targets }))
    }
}

/// The source's file and the target's.
fn files(text: &NamedText) -> [SoughtFile; 2] {
    text.languages.map(|language| SoughtFile::new(text.dir, &format!("{}.{language}", text.name)))
}
