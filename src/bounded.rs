//! Text files read up to a bound: a device or a file taken for another must not fill the memory.

use crate::error;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// What `parse` makes of the text of the user's file at `path`, of `most` bytes at most.
///
/// # Errors
/// [`error::Error::Input`] when it cannot be read; that of `parse`; with the path in front.
pub(crate) fn read_with<T>(path: &Path, most: u64, parse: impl FnOnce(&str) -> error::Result<T>) -> error::Result<T> {
    let text = read_text(path, most).map_err(error::Error::input);
    text.and_then(|text| parse(&text)).map_err(|error| error.at(path.display()))
}

/// The text of the file at `path`, of `most` bytes at most.
///
/// # Errors
/// One that cannot be read; [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidData`] where it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("larger than {most} bytes, the most that is read")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        Error::new(ErrorKind::InvalidData, format!("not UTF-8 text (byte {place})"))
    })
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
}
