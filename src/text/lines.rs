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

/// Bytes of a file that are read at once.
const BUFFER: usize = 1 << 16;

/// The lines of a file of UTF-8, unpacked where the name ends in `.gz`; without `\n` or `\r\n`, and
/// without a byte-order mark.
///
/// # Errors
/// If the file cannot be read or unpacked, is not UTF-8, or a line (or the whole) is longer than is sensible.
pub fn read_lines(path: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for_each_line(path, |line| lines.push(line.to_owned()))?;
    Ok(lines)
}

/// Hands the lines that [`read_lines`] gives to `take`, one after the other.
///
/// # Errors
/// As there.
pub fn for_each_line(path: &Path, take: impl FnMut(&str)) -> Result<()> {
    hand_on(open_text(path)?, take).map_err(|error| error.at(path.display()))
}

/// The bytes of a file, unpacked where the name ends in `.gz`.
///
/// # Errors
/// If the file cannot be opened.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead>> {
    let file =
        BufReader::with_capacity(BUFFER, File::open(path).map_err(|error| Error::input(error).at(path.display()))?);
    Ok(match path.extension().is_some_and(|extension| extension == "gz") {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

fn hand_on(reader: impl BufRead, mut take: impl FnMut(&str)) -> Result<()> {
    let mut text = Lines::new(reader.take(MAX_TEXT_BYTES + 1), MAX_LINE_BYTES);
    loop {
        let place = |number: usize| format!("line {number}");
        if text.number() > MAX_LINES || text.input().limit() == 0 {
            let message = format!("more than {MAX_LINES} lines or {MAX_TEXT_BYTES} bytes of text");
            return Err(Error::input(message).at(place(text.number())));
        }
        match text.next() {
            Ok(Some(line)) => take(line),
            Ok(None) => return Ok(()),
            Err(error) => return Err(Error::input(error).at(place(text.number()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        hand_on(bytes, |line| lines.push(line.to_owned())).unwrap();
        lines
    }

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
        assert_eq!(lines_of(&line)[0].len(), MAX_LINE_BYTES as usize);
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(lines_of("\u{feff}für\n\u{feff}b\n".as_bytes()), ["für", "\u{feff}b"]);
    }
}
