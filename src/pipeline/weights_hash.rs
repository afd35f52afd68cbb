//! Which weights something was measured on.

use crate::error::{Error, Result};
use crate::run::Checkpoints;
use crate::train::averaged_checkpoints;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// BLAKE3 of the checkpoint file at `path`.
///
/// # Errors
/// It cannot be read.
pub(super) fn hash_file(path: &Path) -> Result<String> {
    hash_files(&[path.to_path_buf()])
}

/// BLAKE3 of the checkpoints in `folder` that models are tested with where `averaged` are averaged; none where there are none.
///
/// # Errors
/// They cannot be read.
pub(super) fn hash_tested(folder: &Path, averaged: usize) -> Result<Option<String>> {
    let mut files = if averaged > 1 { averaged_checkpoints(folder, averaged)? } else { Vec::new() };
    if files.is_empty() {
        files.extend(Checkpoints::new(folder).chosen());
    }
    (!files.is_empty()).then(|| hash_files(&files)).transpose()
}

/// BLAKE3 of `files` behind one another.
fn hash_files(files: &[PathBuf]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for path in files {
        let read = |hasher: &mut blake3::Hasher| hasher.update_reader(File::open(path)?).map(drop);
        read(&mut hasher).map_err(|error: io::Error| Error::failure(error).at(path.display()))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}
