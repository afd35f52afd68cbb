//! The bytes of a pickle: counted, bounded, and read one piece at a time.

use crate::error::{Error, Result};
use std::io::{ErrorKind, Read};

/// What is left of a pickle.
pub(super) struct Input<'a, R> {
    reader: &'a mut R,
    position: u64,
    limit: u64,
}

impl<'a, R: Read> Input<'a, R> {
    /// A pickle of at most `limit` bytes.
    pub(super) fn new(reader: &'a mut R, limit: u64) -> Self {
        Self { reader, position: 0, limit }
    }

    /// An error at this point of the pickle.
    pub(super) fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("the pickle {what} (byte {})", self.position))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.check_length(N as u64)?;
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn take(&mut self, length: u64) -> Result<Vec<u8>> {
        self.check_length(length)?;
        // Grows with what is really there: a length alone allocates nothing.
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(length).read_to_end(&mut bytes);
        self.position += bytes.len() as u64;
        match read {
            Ok(_) if bytes.len() as u64 == length => Ok(bytes),
            Ok(_) => Err(self.error("ends early")),
            Err(error) => Err(self.error(format!("cannot be read: {error}"))),
        }
    }

    /// The text up to the next line feed, which must be UTF-8.
    pub(super) fn line(&mut self) -> Result<String> {
        String::from_utf8(self.line_bytes()?).map_err(|_| self.error("has a line that is not UTF-8"))
    }

    fn line_bytes(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(bytes),
                byte => bytes.push(byte),
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        match self.reader.read_exact(bytes) {
            Ok(()) => {
                self.position += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.error("ends early")),
            Err(error) => Err(self.error(format!("cannot be read: {error}"))),
        }
    }

    pub(super) fn check_length(&self, length: u64) -> Result<()> {
        let left = self.limit - self.position;
        if length > left {
            return Err(self.error(format!("wants {length} more bytes where {left} are left")));
        }
        Ok(())
    }

    /// A line of Python's `raw-unicode-escape`.
    pub(super) fn raw_unicode_line(&mut self) -> Result<String> {
        let line: String = self.line_bytes()?.into_iter().map(char::from).collect();
        raw_unicode(&line).ok_or_else(|| self.error("has a broken escape in a string"))
    }
}

/// `text` for a message: on one line and not too long.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 80;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.escape_debug().collect()
}

/// Text in Python's `raw-unicode-escape`: Latin-1, with `\uXXXX` and `\UXXXXXXXX` as the only escapes.
fn raw_unicode(line: &str) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let digits = match rest.as_bytes().get(at + 1) {
            Some(b'u') => 4,
            Some(b'U') => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push('\\');
            rest = &rest[at + 1..];
        } else {
            let end = at + 2 + digits;
            let code = u32::from_str_radix(rest.get(at + 2..end)?, 16).ok()?;
            text.push(char::from_u32(code)?);
            rest = &rest[end..];
        }
    }
    text.push_str(rest);
    Some(text)
}
