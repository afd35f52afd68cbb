//! What lies beside the checkout and is too large for it: recordings of the reference and real text. For the program's own
//! tests and those beside it.

use std::path::{Path, PathBuf};

/// `path` within the shared data (`AUTOMOE_SHARED`, by default `../shared`); where it is not there, a line that says that
/// `test` is skipped.
pub fn shared(test: &str, path: &str) -> Option<PathBuf> {
    present(test, folder().join(path), "AUTOMOE_SHARED")
}

/// The folder of recordings: `AUTOMOE_GOLDENS`, by default the shared data's.
pub fn goldens(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("AUTOMOE_GOLDENS").map_or_else(|| folder().join("goldens"), PathBuf::from);
    present(test, folder, "AUTOMOE_GOLDENS")
}

fn folder() -> PathBuf {
    std::env::var_os("AUTOMOE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

fn present(test: &str, path: PathBuf, variable: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("{test}: skipped, {} is absent (set {variable})", path.display());
    None
}
