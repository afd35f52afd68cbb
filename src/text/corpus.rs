//! Reads parallel text: two files of one sentence a line, plain or gzip, line i of one a translation of line i of the
//! other.

use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The most lines of one file; pairs are numbered by `u32`.
const MAX_LINES: usize = 1 << 30;

/// The most text of one file once unpacked, in bytes; a gzip file can be a thousand times smaller than its text.
const MAX_TEXT_BYTES: u64 = 1 << 35;

/// Sentence pairs: `sources[i]` and `targets[i]` mean the same. Both have the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParallelText {
    /// Sentences of the source language.
    pub sources: Vec<String>,
    /// Sentences of the target language.
    pub targets: Vec<String>,
}

impl ParallelText {
    /// Reads `<dir>/<prefix>.<language>`, or the same with `.gz`, for every prefix in order and both languages, and
    /// puts the pairs behind one another. With `lowercase`, both sides are lower-cased.
    ///
    /// # Errors
    /// If a file is missing, unreadable or not UTF-8, a line is too long, the two files of a prefix differ in their
    /// number of lines, or there is no pair at all.
    pub fn read(
        dir: &Path,
        prefixes: &[String],
        [source_lang, target_lang]: [&str; 2],
        lowercase: bool,
    ) -> Result<Self> {
        let mut text = Self::default();
        for prefix in prefixes {
            let source_path = find(dir, prefix, source_lang)?;
            let target_path = find(dir, prefix, target_lang)?;
            let sources = read_lines(&source_path)?;
            let targets = read_lines(&target_path)?;
            if sources.len() != targets.len() {
                return Err(Error::input(format!(
                    "{} has {} lines and {} has {}: line i of one must be the translation of line i of the other",
                    source_path.display(),
                    sources.len(),
                    target_path.display(),
                    targets.len()
                )));
            }
            text.sources.extend(sources);
            text.targets.extend(targets);
        }
        if text.is_empty() {
            return Err(Error::input(format!("{}: no sentence pairs in {}", dir.display(), prefixes.join(", "))));
        }
        if lowercase {
            for line in text.sources.iter_mut().chain(&mut text.targets) {
                *line = line.to_lowercase();
            }
        }
        Ok(text)
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

/// The file of `prefix` in `language`: plain, else gzip.
///
/// # Errors
/// If neither is there.
pub fn find(dir: &Path, prefix: &str, language: &str) -> Result<PathBuf> {
    let plain = dir.join(format!("{prefix}.{language}"));
    let packed = dir.join(format!("{prefix}.{language}.gz"));
    [&plain, &packed].into_iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        Error::input(format!(
            "found neither {} nor {}: check `dir` and the prefixes of `[data]`",
            plain.display(),
            packed.display()
        ))
    })
}

/// The lines of a file of UTF-8, unpacked where the name ends in `.gz`; without `\n` or `\r\n`.
///
/// # Errors
/// If the file cannot be read or unpacked, is not UTF-8, or a line (or the whole) is longer than is sensible.
pub fn read_lines(path: &Path) -> Result<Vec<String>> {
    let lines = || {
        let file = BufReader::new(File::open(path).map_err(Error::input)?);
        if path.extension().is_some_and(|extension| extension == "gz") {
            lines_of(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            lines_of(file)
        }
    };
    lines().map_err(|error: Error| error.at(path.display()))
}

fn lines_of(reader: impl BufRead) -> Result<Vec<String>> {
    let mut reader = reader.take(MAX_TEXT_BYTES + 1);
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    loop {
        let number = lines.len() + 1;
        let fail = |problem: String| Error::input(format!("line {number}: {problem}"));
        bytes.clear();
        (&mut reader)
            .take(MAX_LINE_BYTES + 2)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| fail(error.to_string()))?;
        if bytes.is_empty() {
            return Ok(lines);
        }
        if bytes.pop_if(|byte| *byte == b'\n').is_some() {
            bytes.pop_if(|byte| *byte == b'\r');
        }
        if bytes.len() as u64 > MAX_LINE_BYTES {
            return Err(fail(format!("longer than {MAX_LINE_BYTES} bytes: is it one sentence a line?")));
        }
        if lines.len() == MAX_LINES || reader.limit() == 0 {
            return Err(fail(format!("more than {MAX_LINES} lines or {MAX_TEXT_BYTES} bytes of text")));
        }
        let line = std::str::from_utf8(&bytes)
            .map_err(|error| fail(format!("not UTF-8 (byte {})", error.valid_up_to() + 1)))?;
        // Some editors begin UTF-8 with a byte-order mark, which is no text.
        let line = if lines.is_empty() { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        lines.push(line.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(dir: &tempfile::TempDir, prefixes: &[&str]) -> Result<ParallelText> {
        let prefixes: Vec<String> = prefixes.iter().map(|prefix| prefix.to_string()).collect();
        ParallelText::read(dir.path(), &prefixes, ["de", "en"], false)
    }

    #[test]
    fn plain_and_gzip_files_are_read_in_order_of_the_prefixes() {
        // Two gzip members behind one another are one file, as with `cat a.gz b.gz`.
        let packed = [gzip(b"drei\n"), gzip("f\u{fc}nf\r\n".as_bytes())].concat();
        let dir =
            folder(&[("a.de", b"eins\n\n"), ("a.en", b"one\ntwo"), ("b.de.gz", &packed), ("b.en", b"three\nfive\n")]);
        let text = read(&dir, &["b", "a"]).unwrap();
        assert_eq!(text.sources, ["drei", "fünf", "eins", ""]);
        assert_eq!(text.targets, ["three", "five", "one", "two"]);
    }

    #[test]
    fn both_sides_are_lower_cased_on_request() {
        let dir = folder(&[("a.de", "Ähre\n".as_bytes()), ("a.en", b"EAR\n")]);
        let text = ParallelText::read(dir.path(), &["a".to_string()], ["de", "en"], true).unwrap();
        assert_eq!((text.sources[0].as_str(), text.targets[0].as_str()), ("ähre", "ear"));
    }

    #[test]
    fn unequal_counts_name_both_files() {
        let dir = folder(&[("a.de", b"1\n2\n"), ("a.en", b"1\n")]);
        let error = read(&dir, &["a"]).unwrap_err().to_string();
        assert!(error.contains("a.de has 2 lines") && error.contains("a.en has 1"), "{error}");
    }

    #[test]
    fn missing_files_name_both_spellings() {
        let dir = folder(&[("a.de", b"1\n")]);
        let error = read(&dir, &["a"]).unwrap_err().to_string();
        assert!(error.contains("a.en nor ") && error.contains("a.en.gz"), "{error}");
    }

    #[test]
    fn bad_text_names_the_file_and_the_line() {
        let long = vec![b'x'; MAX_LINE_BYTES as usize + 1];
        for (bytes, expected) in
            [(b"good\nb\xff\n".to_vec(), "a.de: line 2: not UTF-8 (byte 2)"), (long, "a.de: line 1: longer than")]
        {
            let dir = folder(&[("a.de", &bytes), ("a.en", b"1\n2\n")]);
            let error = read(&dir, &["a"]).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn the_longest_line_is_read() {
        let mut line = vec![b'x'; MAX_LINE_BYTES as usize];
        line.extend(b"\r\n");
        assert_eq!(lines_of(line.as_slice()).unwrap()[0].len(), MAX_LINE_BYTES as usize);
    }

    #[test]
    fn empty_and_damaged_files_are_errors() {
        let dir = folder(&[("a.de", b""), ("a.en", b"")]);
        assert!(read(&dir, &["a"]).unwrap_err().to_string().contains("no sentence pairs"));
        let mut packed = gzip(b"one\ntwo\nthree\n");
        packed.truncate(packed.len() - 6);
        let dir = folder(&[("a.de.gz", &packed), ("a.en", b"1\n")]);
        assert!(read(&dir, &["a"]).unwrap_err().to_string().contains("a.de.gz: line "));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let text = "\u{feff}für\n\u{feff}b\n";
        assert_eq!(lines_of(text.as_bytes()), Ok(vec!["für".to_owned(), "\u{feff}b".to_owned()]));
    }
}
