//! What is done with folders, whatever lies in them.

use crate::error::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What lies in `folder`, by name; nothing where there is no such folder.
pub(super) fn entries_of(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let named = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path());
    let found: std::io::Result<Vec<_>> = entries.map(|entry| entry.map(named)).collect();
    let mut found = found.map_err(|error| Error::failure(error).at(folder.display()))?;
    found.sort();
    Ok(found)
}

/// Makes `path` and what it lies in, where it is not there.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Error::path(error).at(format!("cannot create {}", path.display())))
}

/// Whether a file that is not empty lies in `folder`, at any depth; also where that cannot be seen.
pub(super) fn holds_something(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Err(error) => error.kind() != ErrorKind::NotFound,
        Ok(entries) => {
            entries.into_iter().any(|entry| match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
                Ok((path, metadata)) if metadata.is_dir() => holds_something(&path),
                Ok((_, metadata)) => metadata.len() > 0,
                Err(_) => true,
            })
        }
    }
}
