//! Logs of one JSON value a line, such as `metrics.jsonl`: appended to line by line, and whole again after a crash. A line may
//! have a checksum, which is looked at whenever it is read.

use crate::checksum::{opened, sealed};
use crate::error::{Error, Result};
use crate::json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The longest line that is read or written.
const MAX_LINE: usize = 1 << 20;

/// Whether a line is on disk when [`JsonLines::append`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// The system writes it when it likes: it outlives this process, but not a power failure.
    Never,
    /// Each line outlives a power failure.
    EachLine,
}

/// A log that is open for appending. Nobody else may write the file meanwhile.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
    /// Bytes of the whole lines.
    length: u64,
    sync: Sync,
}

impl JsonLines {
    /// Opens the log at `path`, a new one if there is none. A torn last line, left behind by a crash, is cut off, and told.
    ///
    /// # Errors
    /// [`Error::Input`], with file and line, for a line before the last that is no JSON, and for one whose checksum does not
    /// fit; [`Error::Failure`] when the file cannot be read or written.
    pub fn open(path: &Path, sync: Sync) -> Result<Self> {
        let failure = |error| Error::failure(error).at(path.display());
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failure)?;
        let mut lines = 0;
        let length = whole_lines(path, &file, 1, |_: Value| {
            lines += 1;
            true
        })?;
        if file.metadata().map_err(failure)?.len() > length {
            tracing::warn!(
                "{}:{}: the last line is torn, as its writer was killed or the power went: it is cut off, and what it said is \
                 done again",
                path.display(),
                lines + 1
            );
        }
        let mut log = Self { path: path.to_path_buf(), file, length, sync };
        log.cut().map_err(failure)?;
        Ok(log)
    }

    /// The values in the log at `path`, without a torn last line. The file stays as it is.
    ///
    /// # Errors
    /// [`Error::Input`], with file and line, for a line that is no `T` or whose checksum does not fit, or when there is no such
    /// file.
    pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
        let file = File::open(path).map_err(|error| Error::path(error).at(path.display()))?;
        let mut values = Vec::new();
        whole_lines(path, &file, 1, |value| {
            values.push(value);
            true
        })?;
        Ok(values)
    }

    /// Appends `value` as one whole line.
    ///
    /// # Errors
    /// [`Error::Failure`] when it cannot be written; the log then ends with the line before.
    pub fn append(&mut self, value: &impl Serialize) -> Result<()> {
        self.append_line(value)
            .map_err(|error| Error::failure(format!("cannot write {}: {error}", self.path.display())))
    }

    /// Appends `record`, an object, with a checksum: for logs that results are read back from.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_sealed(&mut self, record: &impl Serialize) -> Result<()> {
        self.append(&sealed(record).map_err(Error::failure)?)
    }

    /// Cuts off the first line that `after` is true of, and all that follow it: a resumed run drops what was logged
    /// after the checkpoint that it goes on from, so that its log ends up as that of an unbroken run.
    ///
    /// # Errors
    /// [`Error::Failure`] when the file cannot be read or written.
    pub fn truncate_after(&mut self, mut after: impl FnMut(&Value) -> bool) -> Result<()> {
        let path = self.path.clone();
        let failure = |error| Error::failure(error).at(path.display());
        self.file.rewind().map_err(failure)?;
        self.length = whole_lines(&path, &self.file, 1, |value| !after(&value))?;
        self.cut().map_err(failure)
    }

    fn append_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        if line.len() > MAX_LINE {
            return Err(io::Error::other("the line is too long to be read again"));
        }
        let written = self.file.write_all(&line).and_then(|()| match self.sync {
            Sync::Never => Ok(()),
            Sync::EachLine => self.file.sync_data(),
        });
        match written {
            Ok(()) => self.length += line.len() as u64,
            // The error that matters is the first one; should this fail too, the next `open` mends the file.
            Err(_) => drop(self.cut()),
        }
        written
    }

    /// Cuts the file behind its whole lines and goes on writing there.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }
}

/// Hands the values of `file`, from where it stands, at the line with the number `first`, to `keep` until that returns false, and
/// returns the bytes of the lines that were kept. A last line without its end, or whose text is no JSON, is torn and not kept.
pub(super) fn whole_lines<T: DeserializeOwned>(
    path: &Path,
    file: &File,
    first: usize,
    mut keep: impl FnMut(T) -> bool,
) -> Result<u64> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut length = 0;
    for number in first.. {
        let place = |error: Error| error.at(format!("{}:{number}", path.display()));
        let failure = |error: io::Error| place(Error::path(error));
        line.clear();
        let mut bounded = (&mut reader).take(MAX_LINE as u64 + 1);
        bounded.read_until(b'\n', &mut line).map_err(failure)?;
        if line.len() > MAX_LINE {
            return Err(place(Error::input("the line is too long for a log")));
        }
        if line.last() != Some(&b'\n') {
            break;
        }
        let value = match json_of(&line) {
            Ok(value) => value,
            Err(error) => {
                let last = reader.fill_buf().map_err(failure)?.is_empty();
                if last && !error.is_data() {
                    break;
                }
                let what = if error.is_eof() { "it is torn, " } else { "" };
                let why = json::fault(&error);
                return Err(place(Error::input(format!("not a line of this log: {what}{why}; remove that line"))));
            }
        };
        let value = opened(value).map_err(|error| {
            place(Error::input(format!("{error}; remove that line, and what it said is done again")))
        })?;
        let value = serde_json::from_value(value);
        if !keep(value.map_err(|error| place(Error::input(format!("not a line of this log: {error}"))))?) {
            break;
        }
        length += line.len() as u64;
    }
    Ok(length)
}

/// The value in a line of a file.
fn json_of(line: &[u8]) -> serde_json::Result<Value> {
    // Without its end, which would count as a line.
    serde_json::from_slice(line.trim_ascii_end()).map(|json::Unique(value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    /// A folder with a log of these bytes, and the log's path.
    fn log_of(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn line(update: u64) -> Value {
        json!({"update": update, "loss": 1.0 / (update as f64 + 3.0)})
    }

    fn text(updates: std::ops::Range<u64>) -> String {
        updates.map(|update| line(update).to_string() + "\n").collect()
    }

    #[test]
    fn what_is_appended_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.jsonl");
        for (sync, updates) in [(Sync::Never, 0..2), (Sync::EachLine, 2..4)] {
            let mut log = JsonLines::open(&path, sync).unwrap();
            updates.for_each(|update| log.append(&line(update)).unwrap());
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..4));
        JsonLines::open(&path, Sync::Never).unwrap().append_sealed(&line(4)).unwrap();
        let read: Vec<Value> = JsonLines::read(&path).unwrap();
        assert_eq!(read, [0, 1, 2, 3, 4].map(line));
    }

    #[test]
    fn a_torn_last_line_is_cut_off_wherever_it_ends() {
        let (two, three) = (text(0..2), text(0..3));
        let torn = (two.len()..three.len()).map(|end| three.as_bytes()[..end].to_vec());
        // What a power failure makes of lines that never reached the disk.
        let zeros = [two.as_bytes(), &[0; 40]].concat();
        let zeros_and_end = [two.as_bytes(), &[0; 40], b"\n"].concat();
        for bytes in torn.chain([zeros, zeros_and_end]) {
            let (_folder, path) = log_of(&bytes);
            assert_eq!(JsonLines::read::<Value>(&path).unwrap().len(), 2);
            assert_eq!(fs::read(&path).unwrap(), bytes, "reading changes nothing");
            let mut log = JsonLines::open(&path, Sync::Never).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), two);
            log.append(&line(2)).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), three);
        }
    }

    #[test]
    fn a_resumed_log_ends_up_as_an_unbroken_one() {
        let (_folder, path) = log_of(text(0..8) + "{\"upd");
        let mut log = JsonLines::open(&path, Sync::Never).unwrap();
        log.truncate_after(|line| line["update"].as_u64() > Some(4)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..5));
        (5..10).for_each(|update| log.append(&line(update)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..10));
        log.truncate_after(|_| false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..10));
    }

    #[test]
    fn a_bad_line_is_named_and_nothing_is_cut_off() {
        let too_long = text(0..1) + "\"" + &"x".repeat(MAX_LINE) + "\"\n";
        let torn = text(0..1) + "{\"upd\n" + &text(1..2);
        let sealed = sealed(&line(1)).unwrap().to_string() + "\n";
        let flipped = sealed.replacen(":1,", ":3,", 1);
        let cases = [
            (
                text(0..2) + "oops\n" + &text(2..3),
                ":3: not a line of this log: expected value in column 1; remove that line",
            ),
            (torn, ":2: not a line of this log: it is torn, EOF while parsing a string in column 5; remove that line"),
            (text(0..1) + "{\"a\":1,\"a\":2}\n", ":2: not a line of this log: \"a\" is there twice in column "),
            (too_long, ":2: the line is too long for a log"),
            (
                sealed + &flipped,
                ":2: damaged, or changed after it was written: its checksum does not fit; remove that line",
            ),
        ];
        for (text, expected) in cases {
            let (_folder, path) = log_of(&text);
            let error = JsonLines::open(&path, Sync::Never).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let place = format!("{}{expected}", path.display());
            assert!(error.to_string().starts_with(&place), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_last_line_of_another_shape_is_an_error_and_not_torn() {
        #[derive(Debug, serde::Deserialize)]
        struct Update {
            #[serde(rename = "update")]
            _update: u64,
        }
        let (_folder, path) = log_of(text(0..1) + "{\"id\":1}\n");
        let error = JsonLines::read::<Update>(&path).unwrap_err().to_string();
        assert!(error.contains(":2: not a line of this log: missing field `update`"), "{error}");
        let absent = path.with_file_name("absent.jsonl");
        assert_eq!(JsonLines::read::<Update>(&absent).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_line_that_could_not_be_read_again_is_not_written() {
        let (_folder, path) = log_of(text(0..1));
        let mut log = JsonLines::open(&path, Sync::Never).unwrap();
        let error = log.append(&"x".repeat(MAX_LINE)).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        log.append(&line(1)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text(0..2));
    }
}
