//! Writes prepared data as `fairseq-preprocess` does: dictionaries with counts, and the ids of each part.

use super::dataset::Dataset;
use super::indexed;
use super::prepared::Prepared;
use super::vocabulary::SPECIALS;
use crate::config::DataConfig;
use crate::error::{Error, Result};
use crate::run::atomic;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Writes `prepared` into the folder `to`, which appears whole or not at all: `train`, `valid` and, where there is any, `test`,
/// each as `<part>.<source>-<target>.<language>.idx` and `.bin`, and `dict.<language>.txt` with the counts of the training
/// text. [`super::prepare()`] reads them again.
///
/// # Errors
/// `to` is there and not empty; languages that no file can be named by; a file that cannot be written.
pub fn export_fairseq(prepared: &Prepared, data: &DataConfig, to: &Path) -> Result<()> {
    check_new(to)?;
    let fail = |error: std::io::Error| Error::path(error).at(to.display());
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(fail)?;
    let scratch = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent).map_err(fail)?;
    let whole = scratch.path().join("new");
    std::fs::create_dir(&whole).map_err(fail)?;
    let languages = [data.source_lang.as_str(), data.target_lang.as_str()];
    for (language, dictionary) in languages.into_iter().zip(dictionaries(prepared)) {
        atomic::write(&whole.join(format!("dict.{language}.txt")), dictionary.as_bytes())?;
    }
    for (part, pairs) in [("train", &prepared.train), ("valid", &prepared.valid), ("test", &prepared.test)] {
        if !pairs.is_empty() {
            write_part(&whole.join(format!("{part}.{}-{}", languages[0], languages[1])), pairs, prepared, languages)?;
        }
    }
    std::fs::rename(&whole, to).map_err(fail)
}

/// That data can be exported to the folder `to`.
///
/// # Errors
/// It is there and not empty, or no folder.
pub fn check_new(to: &Path) -> Result<()> {
    let place = |error: Error| error.at(to.display());
    if to.exists() && to.read_dir().map_err(|error| place(Error::path(error)))?.next().is_some() {
        let message = "is not empty, and what is there might be taken for a part of this data: name a new folder";
        return Err(place(Error::input(message)));
    }
    Ok(())
}

/// The files of one part; `stem` is what their names begin with.
fn write_part(stem: &Path, pairs: &Dataset, prepared: &Prepared, [source, target]: [&str; 2]) -> Result<()> {
    let file = |language: &str, kind: &str| format!("{}.{language}.{kind}", stem.display());
    let files = |language: &str| [file(language, "idx"), file(language, "bin")];
    let sentences = (0..pairs.len()).map(|i| pairs.source(i));
    indexed::write(files(source), sentences, prepared.source_vocab())?;
    let sentences = (0..pairs.len()).map(|i| pairs.target(i));
    indexed::write(files(target), sentences, prepared.target_vocab())
}

/// The source's and the target's dictionary: a token and how often it is in the training text a line, in the order of the
/// ids. The four special tokens are in none.
fn dictionaries(prepared: &Prepared) -> [String; 2] {
    let mut source_counts = vec![0_u64; prepared.source_vocab()];
    let mut target_counts = vec![0_u64; prepared.target_vocab()];
    for (source, target) in prepared.train.pairs() {
        source.iter().for_each(|&id| source_counts[id as usize] += 1);
        target.iter().for_each(|&id| target_counts[id as usize] += 1);
    }
    if Arc::ptr_eq(&prepared.source_subwords, &prepared.target_subwords) {
        source_counts.iter_mut().zip(&target_counts).for_each(|(all, of_target)| *all += of_target);
        target_counts.clone_from(&source_counts);
    }
    [(&prepared.source_subwords, source_counts), (&prepared.target_subwords, target_counts)].map(
        |(subwords, counts)| {
            let mut lines = String::new();
            for (id, count) in (0..).zip(&counts).skip(SPECIALS.len()) {
                let token = subwords.vocabulary().token(id).unwrap_or_default();
                writeln!(lines, "{token} {count}").expect("a text takes any line");
            }
            lines
        },
    )
}
