//! Files that one process at a time may hold.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Why a file cannot be held.
#[derive(Debug)]
pub enum Unlockable {
    /// Another process holds it: `process 17`, where it says so.
    Held(String),
    /// It cannot be opened, made or written.
    Fault(io::Error),
}

/// Locks the file at `path`, which is made where there is none, until the value is dropped; the system lets go of it when the
/// process ends, however it ends.
///
/// # Errors
/// See [`Unlockable`].
pub fn lock(path: &Path) -> Result<File, Unlockable> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Best effort: the lock is what counts, and its holder may just be writing this.
            let _ = file.take(20).read_to_string(&mut holder);
            return Err(Unlockable::Held(match holder.trim().parse::<u32>() {
                Ok(id) => format!("process {id}"),
                Err(_) => "another process".into(),
            }));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

impl From<io::Error> for Unlockable {
    fn from(error: io::Error) -> Self {
        Self::Fault(error)
    }
}
