//! Text that is scored, read line by line.

use crate::bounded::Lines;
use crate::error::{Error, Result};
use crate::white_space::trim_end;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The most text that is read from one file or from standard input, unpacked: far more than any test set.
const MAX_BYTES: u64 = 1 << 30;

/// All lines of UTF-8 text, without white space at their ends, as sacreBLEU reads them.
pub(super) fn read(input: impl BufRead) -> Result<Vec<String>> {
    read_lines(input, MAX_BYTES)
}

/// The lines of a file that is plain or, as its first bytes tell, gzipped.
pub(super) fn read_file(path: &Path) -> Result<Vec<String>> {
    let file = File::open(path).map_err(Error::input)?;
    let mut file = BufReader::new(file);
    if file.fill_buf().map_err(Error::input)?.starts_with(&[0x1f, 0x8b]) {
        read(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        read(file)
    }
}

/// All lines of UTF-8 text of at most `limit` bytes, without white space at their ends, as sacreBLEU reads them.
fn read_lines(input: impl BufRead, limit: u64) -> Result<Vec<String>> {
    let mut text = Lines::new(input.take(limit + 1), limit);
    let mut lines = Vec::new();
    loop {
        let line = text.next().map(|line| line.map(|line| trim_end(line).to_owned()));
        let place = format!("line {}", text.number());
        if text.input().limit() == 0 {
            let message = format!("the text is longer than {limit} bytes, the most that is read");
            return Err(Error::input(message).at(place));
        }
        match line.map_err(|error| Error::input(error).at(place))? {
            Some(line) => lines.push(line),
            None => return Ok(lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_past_the_limit_is_refused() {
        assert_eq!(read_lines(&b"ab\ncd"[..], 5).unwrap(), ["ab", "cd"]);
        assert!(read_lines(&b"ab\ncd\n"[..], 5).is_err());
    }
}
