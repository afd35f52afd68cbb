//! What a text format is: how a name in a config leads to files, and how sentence pairs are read from them.

use super::pairs::Pairs;
use crate::catalog::TextFormatRow;
use crate::config::DataConfig;
use crate::error::{Error, Result};
use std::fmt;
use std::path::{Path, PathBuf};

/// A way for sentence pairs to lie in files. Each is a file in `formats/` and a row in the catalog.
pub trait TextFormat: Sync {
    /// Its row in the catalog.
    fn row(&self) -> &'static TextFormatRow;

    /// The files that hold `text` if it is of this format, in a fixed order; none where its name tells that it is not.
    fn files(&self, text: &NamedText) -> Vec<SoughtFile>;

    /// The source's and the target's dictionary, where a text of this format is ids of its own dictionaries: fairseq's
    /// `dict.txt`.
    fn dictionaries(&self, _text: &NamedText) -> Option<[SoughtFile; 2]> {
        None
    }

    /// Whether `text` is of this format, as its name and the files that are there tell.
    fn sniff(&self, text: &NamedText) -> bool {
        self.files(text).iter().any(|file| file.there().is_some())
    }

    /// Reads its pairs.
    ///
    /// # Errors
    /// A file that is not there, cannot be read or does not hold what it should: one line with its path and, where it has
    /// lines, the line's number.
    fn read(&self, text: &NamedText) -> Result<Pairs>;
}

/// A text as a config names it.
#[derive(Debug, Clone, Copy)]
pub struct NamedText<'a> {
    /// The folder that the name is relative to: `data.dir`.
    pub dir: &'a Path,
    /// An item of `data.train`, `data.valid` or `data.test`: a file or a prefix of files.
    pub name: &'a str,
    /// `data.source_lang` and `data.target_lang`.
    pub languages: [&'a str; 2],
    /// Whether it is a training text that goes on in `<name>1`, `<name>2`, …, where a format has such parts.
    pub has_parts: bool,
}

impl<'a> NamedText<'a> {
    /// The text that `name` stands for in `data`. Where a config names `<name>1` itself, it names all parts that it means.
    pub fn new(data: &'a DataConfig, name: &'a str) -> Self {
        let names = |part: &str| data.train.iter().any(|train| train == part);
        Self {
            dir: &data.dir,
            name,
            languages: [&data.source_lang, &data.target_lang],
            has_parts: names(name) && !names(&format!("{name}1")),
        }
    }

    /// Whether the name ends in one of `endings`, or in that and `.gz`.
    pub fn ends_in(&self, endings: &[&str]) -> bool {
        let name = self.name.strip_suffix(".gz").unwrap_or(self.name);
        endings.iter().any(|ending| name.ends_with(ending))
    }
}

/// A file that is looked for plain and, mostly, packed; as text, `neither a nor a.gz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtFile {
    /// One of these.
    paths: Vec<PathBuf>,
}

impl SoughtFile {
    /// The file `name` in `dir`, or else the same with `.gz` behind its name, unless that is there already.
    pub fn new(dir: &Path, name: &str) -> Self {
        let packed = (!name.ends_with(".gz")).then(|| dir.join(format!("{name}.gz")));
        Self { paths: std::iter::once(dir.join(name)).chain(packed).collect() }
    }

    /// The file `name` in `dir`, which is never packed.
    pub fn plain(dir: &Path, name: &str) -> Self {
        Self { paths: vec![dir.join(name)] }
    }

    /// Where it is, if it is there.
    pub fn there(&self) -> Option<&Path> {
        self.paths.iter().find(|path| path.is_file()).map(PathBuf::as_path)
    }

    /// Where it is.
    ///
    /// # Errors
    /// It is not there, or there both plain and packed, whose text may differ.
    pub fn find(&self) -> Result<PathBuf> {
        let there: Vec<&PathBuf> = self.paths.iter().filter(|path| path.is_file()).collect();
        match there.as_slice() {
            [] => Err(Error::input(format!("found {self}: check `dir` and the prefixes of `[data]`"))),
            [path] => Ok(path.to_path_buf()),
            [plain, packed, ..] => Err(Error::input(format!(
                "{} and {} are both there: remove or rename the one that is not meant",
                plain.display(),
                packed.display()
            ))),
        }
    }
}

impl fmt::Display for SoughtFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.paths.as_slice() {
            [plain, packed] => write!(f, "neither {} nor {}", plain.display(), packed.display()),
            paths => paths.iter().try_for_each(|path| write!(f, "no {}", path.display())),
        }
    }
}
