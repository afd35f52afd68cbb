//! Files that one process at a time may hold.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long one waits for a file that may be held for a moment only, by [`is_held`]; and how often.
const MOMENT: Duration = Duration::from_millis(20);
const WAITS: usize = 10;

/// Bytes at most that say who holds a file.
const MOST: u64 = 300;

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
    let mut waits = 0;
    loop {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            // Between the two its holder may have removed it: then it is nobody's lock.
            Ok(()) if !is_at(&file, path)? => continue,
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if waits < WAITS => {
                waits += 1;
                thread::sleep(MOMENT);
                continue;
            }
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(file).0)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {}", std::process::id(), machine().unwrap_or_default())?;
        return Ok(file);
    }
}

/// Whether a process holds the file at `path`. None where that cannot be told: there is no such file, its file system has no locks, or
/// another machine, whose locks may not be seen here, held it last. Nothing is made, written or kept.
pub fn is_held(path: &Path) -> Option<bool> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => return Some(true),
        Err(TryLockError::Error(_)) => return None,
        Ok(()) => {}
    }
    let (_, last) = holder(file);
    (last.is_some() && last == machine()).then_some(false)
}

/// Who wrote that they hold it, or did, and on which machine. Best effort: the lock is what counts, and its holder may just be writing
/// this.
fn holder(file: File) -> (String, Option<String>) {
    let mut holder = String::new();
    let _ = file.take(MOST).read_to_string(&mut holder);
    let mut words = holder.split_whitespace();
    let process = match words.next().and_then(|id| id.parse::<u32>().ok()) {
        Some(id) => format!("process {id}"),
        None => "another process".into(),
    };
    (process, words.next().map(String::from))
}

/// What this machine is called; none where that is not told, as on all systems but Linux.
fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    name.split_whitespace().next().map(String::from)
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
        assert_eq!(is_held(&path), Some(true));
        drop(second);
        assert_eq!(is_held(&path), machine().map(|_| false));
        // What is looked at for a moment can be had.
        let looked_at = File::open(&path).unwrap();
        looked_at.lock_shared().unwrap();
        std::thread::spawn(move || drop(looked_at));
        lock(&path).unwrap();
        std::fs::write(&path, "17 another-machine\n").unwrap();
        assert_eq!(is_held(&path), None);
        assert!(is_held(&folder.path().join("other")).is_none() && !folder.path().join("other").exists());
        let absent = lock(&folder.path().join("absent/lock"));
        assert!(matches!(&absent, Err(LockError::Fault(_))), "{absent:?}");
    }
}
