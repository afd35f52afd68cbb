//! Text of users read up to a bound: a device or a file taken for another must not fill the memory. Every reader of text
//! goes through here, so that all take off a byte-order mark and refuse UTF-16 alike.

use crate::error;
use std::fs::File;
use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::path::Path;

/// What some editors begin UTF-8 with; no text.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// What UTF-16 begins with, of either order of bytes.
const UTF_16_MARKS: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// What `parse` makes of the text of the user's file at `path`, of `most` bytes at most.
///
/// # Errors
/// [`error::Error::Input`] when it cannot be read; that of `parse`; with the path in front.
pub(crate) fn read_with<T>(path: &Path, most: u64, parse: impl FnOnce(&str) -> error::Result<T>) -> error::Result<T> {
    let text = read_text(path, most).map_err(error::Error::input);
    text.and_then(|text| parse(&text)).map_err(|error| error.at(path.display()))
}

/// The text of the file at `path`, of `most` bytes at most, without a byte-order mark.
///
/// # Errors
/// One that cannot be read; [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidData`] where it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    let mut bytes = read_bytes(path, most)?;
    drop_mark(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| not_utf_8(error.utf8_error()))
}

/// The bytes of the file at `path`, `most` of them at most.
///
/// # Errors
/// One that cannot be read; [`ErrorKind::FileTooLarge`].
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(Error::new(ErrorKind::FileTooLarge, format!("larger than {most} bytes, the most that is read"))),
        false => Ok(bytes),
    }
}

/// Takes the byte-order mark off the beginning of a text.
///
/// # Errors
/// [`ErrorKind::InvalidData`] where the mark is UTF-16's.
pub(crate) fn drop_mark(beginning: &mut Vec<u8>) -> Result<()> {
    if UTF_16_MARKS.iter().any(|mark| beginning.starts_with(mark)) {
        return Err(Error::new(ErrorKind::InvalidData, "UTF-16 text: save it as UTF-8"));
    }
    if beginning.starts_with(&MARK) {
        beginning.drain(..MARK.len());
    }
    Ok(())
}

fn not_utf_8(error: std::str::Utf8Error) -> Error {
    Error::new(ErrorKind::InvalidData, format!("not UTF-8 text (byte {})", error.valid_up_to() + 1))
}

/// Lines of UTF-8 text, without a byte-order mark before the first, and without their ends (`\n` or `\r\n`).
pub(crate) struct Lines<R> {
    input: R,
    most: u64,
    number: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `input`, each of `most` bytes at most.
    pub(crate) fn new(input: R, most: u64) -> Self {
        Self { input, most, number: 0, line: Vec::new() }
    }

    /// Where the lines come from.
    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// The number of the line that was read last, from 1; after an error, of the line that it is about.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// Input that cannot be read; [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidData`] where the line is not UTF-8.
    pub(crate) fn next(&mut self) -> Result<Option<&str>> {
        self.number += 1;
        self.line.clear();
        // Room for a line's end and for the mark.
        let room = self.most.saturating_add(2 + MARK.len() as u64);
        if (&mut self.input).take(room).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.number == 1 {
            drop_mark(&mut self.line)?;
        }
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            self.line.pop_if(|byte| *byte == b'\r');
        }
        if self.line.len() as u64 > self.most {
            let message = format!("longer than {} bytes: is it one sentence a line?", self.most);
            return Err(Error::new(ErrorKind::FileTooLarge, message));
        }
        std::str::from_utf8(&self.line).map(Some).map_err(not_utf_8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_within_the_bound_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "für").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "für");
        let error = read_text(&path, 3).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), {
            (ErrorKind::FileTooLarge, "larger than 3 bytes, the most that is read".into())
        });
        std::fs::write(&path, b"ab\xff").unwrap();
        let error = read_text(&path, 4).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidData, "not UTF-8 text (byte 3)".into()));
        assert!(read_text(folder.path(), 4).is_err());
    }

    /// All lines of `bytes`, or the first error with its line's number in front.
    fn lines(bytes: &[u8], most: u64) -> std::result::Result<Vec<String>, String> {
        let mut lines = Lines::new(bytes, most);
        let mut all = Vec::new();
        loop {
            match lines.next().map(|line| line.map(str::to_owned)) {
                Ok(Some(line)) => all.push(line),
                Ok(None) => return Ok(all),
                Err(error) => return Err(format!("{}: {error}", lines.number())),
            }
        }
    }

    #[test]
    fn lines_lose_their_ends_and_have_a_bound() {
        assert_eq!(lines(b"ab\r\n\nc\r", 2).unwrap(), ["ab", "", "c\r"]);
        assert_eq!(lines(b"a\nabc\n", 2).unwrap_err(), "2: longer than 2 bytes: is it one sentence a line?");
        assert_eq!(lines(b"a\nb\xff\n", 2).unwrap_err(), "2: not UTF-8 text (byte 2)");
        assert!(lines(b"", 2).unwrap().is_empty());
    }

    #[test]
    fn a_byte_order_mark_is_taken_off_the_beginning_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        let text = "\u{feff}ab\n\u{feff}b";
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_text(&path, 99).unwrap(), "ab\n\u{feff}b");
        assert_eq!(lines(text.as_bytes(), 4).unwrap(), ["ab", "\u{feff}b"]);
        assert_eq!(lines("\u{feff}\na".as_bytes(), 4).unwrap(), ["", "a"]);
        assert_eq!(lines("\u{feff}".as_bytes(), 4).unwrap(), [""]);
    }

    #[test]
    fn utf_16_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        for bytes in [b"\xff\xfea\0\n\0", b"\xfe\xff\0a\0\n"] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read_text(&path, 99).unwrap_err().to_string(), "UTF-16 text: save it as UTF-8");
            assert_eq!(lines(bytes, 9).unwrap_err(), "1: UTF-16 text: save it as UTF-8");
        }
    }
}
