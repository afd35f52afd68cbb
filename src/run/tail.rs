//! A log that another process writes, read as it grows.

use super::jsonl::whole_lines;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Bytes before the place that a [`Tail`] has come to, by which it tells that the file is still what it was.
const KNOWN: usize = 64;

/// A log that another process appends to, read from the place where it was left the last time. It may not be there yet, be cut
/// by whoever goes on with it, or make room for another one.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Bytes and number of the lines that were read.
    length: u64,
    lines: usize,
    /// The last of these bytes, at most [`KNOWN`] of them.
    known: Vec<u8>,
}

/// What a [`Tail`] has read.
#[derive(Debug, PartialEq)]
pub struct Grown<T> {
    /// Whether what was read before is no longer there, so that these values are all there are.
    pub anew: bool,
    /// The values of the further lines.
    pub values: Vec<T>,
}

impl Tail {
    /// That of the log at `path`, of which nothing was read.
    pub fn new(path: PathBuf) -> Self {
        Self { path, length: 0, lines: 0, known: Vec::new() }
    }

    /// The values of the lines that were appended, without a line that is not whole yet.
    ///
    /// # Errors
    /// As [`JsonLines::read`](super::JsonLines::read); a file that is not there is an empty one.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<Grown<T>> {
        let path = self.path.clone();
        let place = |error: io::Error| Error::path(error).at(path.display());
        let mut values = Vec::new();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Grown { anew: self.forget(), values }),
            Err(error) => return Err(place(error)),
        };
        let is_as_known = self.is_as_known(&mut file).map_err(place)?;
        let anew = !is_as_known && self.forget();
        file.seek(SeekFrom::Start(self.length)).map_err(place)?;
        let read = whole_lines(&path, &file, self.lines + 1, |value| {
            values.push(value);
            true
        })?;
        if read > 0 {
            let length = self.length + read;
            self.known = bytes_before(&mut file, length).map_err(place)?;
            (self.length, self.lines) = (length, self.lines + values.len());
        }
        Ok(Grown { anew, values })
    }

    /// Whether what was read stands where it stood.
    fn is_as_known(&self, file: &mut File) -> io::Result<bool> {
        Ok(file.metadata()?.len() >= self.length && bytes_before(file, self.length)? == self.known)
    }

    /// Begins anew; whether there was anything to forget.
    fn forget(&mut self) -> bool {
        let had_some = self.length > 0;
        (self.length, self.lines) = (0, 0);
        self.known.clear();
        had_some
    }
}

/// The bytes of `file` before `end`, at most [`KNOWN`] of them, and fewer where it ends earlier.
fn bytes_before(file: &mut File, end: u64) -> io::Result<Vec<u8>> {
    let count = end.min(KNOWN as u64);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(end - count))?;
    file.take(count).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::fs;

    fn line(update: u64) -> Value {
        json!({"update": update, "loss": 1.0 / (update as f64 + 3.0)})
    }

    fn text(updates: std::ops::Range<u64>) -> String {
        updates.map(|update| line(update).to_string() + "\n").collect()
    }

    #[test]
    fn a_tail_reads_what_was_appended_and_tells_when_the_rest_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut tail = Tail::new(path.clone());
        let grown = |anew: bool, updates: std::ops::Range<u64>| Grown { anew, values: updates.map(line).collect() };
        let other = text(0..3).replace("0.2}", "0.7}");
        let steps = [
            // Not there yet, begun, half of a line, the rest of it, nothing new.
            (None, grown(false, 0..0)),
            (Some(text(0..2)), grown(false, 0..2)),
            (Some(text(0..2) + "{\"upd"), grown(false, 0..0)),
            (Some(text(0..4)), grown(false, 2..4)),
            (Some(text(0..4)), grown(false, 0..0)),
            // Cut by a training that goes on, and grown beyond what it was.
            (Some(text(0..3)), grown(true, 0..3)),
            (Some(text(0..2) + &text(5..9)), Grown { anew: true, values: [0, 1, 5, 6, 7, 8].map(line).into() }),
            // Removed, and another one of the same length.
            (None, grown(true, 0..0)),
            (Some(text(0..3)), grown(false, 0..3)),
            (Some(other), Grown { anew: true, values: Vec::new() }),
        ];
        for (number, (text, mut expected)) in steps.into_iter().enumerate() {
            match &text {
                Some(text) => fs::write(&path, text).unwrap(),
                None => drop(fs::remove_file(&path)),
            }
            let grown: Grown<Value> = tail.read().unwrap();
            if number == 9 {
                expected.values = text.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
            assert_eq!(grown, expected, "step {number}");
        }
        fs::write(&path, text(0..3) + "oops\n" + &text(3..4)).unwrap();
        let error = tail.read::<Value>().unwrap_err().to_string();
        assert!(error.contains(":4: not a line of this log"), "{error}");
    }
}
