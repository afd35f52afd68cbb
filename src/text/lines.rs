//! Reads files of text line by line, plain or gzip.

use crate::bounded::Lines;
use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// The most lines of one file; pairs are numbered by `u32`.
pub const MAX_LINES: usize = 1 << 30;

/// The most text of one file once unpacked, in bytes; a gzip file can be a thousand times smaller than its text.
pub const MAX_TEXT_BYTES: u64 = 1 << 35;

/// The lines of a file of UTF-8, unpacked where the name ends in `.gz`; without `\n` or `\r\n`, and
/// without a byte-order mark.
///
/// # Errors
/// If the file cannot be read or unpacked, is not UTF-8, or a line (or the whole) is longer than is sensible.
pub fn read_lines(path: &Path) -> Result<Vec<String>> {
    lines_of(open_text(path)?).map_err(|error: Error| error.at(path.display()))
}

/// The bytes of a file, unpacked where the name ends in `.gz`.
///
/// # Errors
/// If the file cannot be opened.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = BufReader::new(File::open(path).map_err(|error| Error::input(error).at(path.display()))?);
    Ok(match path.extension().is_some_and(|extension| extension == "gz") {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

fn lines_of(reader: impl BufRead) -> Result<Vec<String>> {
    let mut text = Lines::new(reader.take(MAX_TEXT_BYTES + 1), MAX_LINE_BYTES);
    let mut lines = Vec::new();
    loop {
        let line = text.next().map(|line| line.map(str::to_owned));
        let fail = |problem: String| Error::input(format!("line {}: {problem}", text.number()));
        let Some(line) = line.map_err(|error| fail(error.to_string()))? else {
            return Ok(lines);
        };
        if lines.len() == MAX_LINES || text.input().limit() == 0 {
            return Err(fail(format!("more than {MAX_LINES} lines or {MAX_TEXT_BYTES} bytes of text")));
        }
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_text_names_the_file_and_the_line() {
        let long = vec![b'x'; MAX_LINE_BYTES as usize + 1];
        for (bytes, expected) in
            [(b"good\nb\xff\n".to_vec(), "a.de: line 2: not UTF-8 text (byte 2)"), (long, "a.de: line 1: longer than")]
        {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.de");
            std::fs::write(&path, bytes).unwrap();
            let error = read_lines(&path).unwrap_err();
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
    fn a_byte_order_mark_is_no_text() {
        let text = "\u{feff}für\n\u{feff}b\n";
        assert_eq!(lines_of(text.as_bytes()), Ok(vec!["für".to_owned(), "\u{feff}b".to_owned()]));
    }
}
