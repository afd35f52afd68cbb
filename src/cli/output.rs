//! Standard output that may be closed early: `automoe … | head` ends quietly.

use crate::error::{Error, Result};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Writes `text`; false where whoever reads the output has gone, so that there is nothing left to do.
///
/// # Errors
/// Output that cannot be written for another reason.
pub(super) fn write(output: &mut impl Write, text: &str) -> Result<bool> {
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::failure(error).at("standard output")),
    }
}

/// Writes `value` as a line of JSON; see [`write()`].
///
/// # Errors
/// As [`write()`].
pub(super) fn json_line(output: &mut impl Write, value: &impl Serialize) -> Result<bool> {
    let text = serde_json::to_string(value).map_err(Error::failure)?;
    write(output, &format!("{text}\n"))
}

/// Writes `value` as JSON for people; see [`write()`].
///
/// # Errors
/// As [`write()`].
pub(super) fn json_pretty(output: &mut impl Write, value: &impl Serialize) -> Result<bool> {
    let text = serde_json::to_string_pretty(value).map_err(Error::failure)?;
    write(output, &format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_closed_pipe_is_no_error() {
        assert_eq!(write(&mut Vec::new(), "a"), Ok(true));
        assert_eq!(write(&mut Failing(ErrorKind::BrokenPipe), "a"), Ok(false));
        let full = write(&mut Failing(ErrorKind::StorageFull), "a").unwrap_err();
        assert_eq!(full.exit_code(), 1);
    }
}
