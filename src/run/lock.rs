//! Files that one process at a time may hold.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Why a file cannot be held.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it: `process 17`, where it says so.
    Held(String),
    /// It cannot be opened, made or written.
    Fault(io::Error),
}

/// Locks the file at `path`, which is made where there is none, until the value is dropped; the system lets go of it when the
/// process ends, however it ends. Its holder may remove it.
///
/// # Errors
/// See [`LockError`].
pub fn lock(path: &Path) -> Result<File, LockError> {
    loop {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            // Between the two its holder may have removed it: then it is nobody's lock.
            Ok(()) if !is_at(&file, path)? => continue,
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(file))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        return Ok(file);
    }
}

/// Who wrote that they hold it. Best effort: the lock is what counts, and its holder may just be writing this.
fn holder(file: File) -> String {
    let mut holder = String::new();
    let _ = file.take(20).read_to_string(&mut holder);
    match holder.trim().parse::<u32>() {
        Ok(id) => format!("process {id}"),
        Err(_) => "another process".into(),
    }
}

/// Whether `file` is still what `path` leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match path.metadata() {
        Ok(there) => Ok((own.dev(), own.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere, files that are open cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Fault(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_file_that_may_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = lock(&path).unwrap();
        let refused = lock(&path);
        assert!(matches!(&refused, Err(LockError::Held(_))), "{refused:?}");
        std::fs::remove_file(&path).unwrap();
        let second = lock(&path).unwrap();
        drop(first);
        assert!(matches!(lock(&path), Err(LockError::Held(_))));
        drop(second);
        lock(&path).unwrap();
        let absent = lock(&folder.path().join("absent/lock"));
        assert!(matches!(&absent, Err(LockError::Fault(_))), "{absent:?}");
    }
}
