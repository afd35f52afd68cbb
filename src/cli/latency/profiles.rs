//! What the commands that make profiles have in common.

use crate::error::{Error, Result};
use crate::latency::LatencyProfile;
use crate::run::atomic;
use std::path::Path;

/// Saves a profile at `out`, in place of another profile or of nothing.
///
/// # Errors
/// What is there is something else, which would be lost; it cannot be written.
pub fn save(profile: &LatencyProfile, out: &Path) -> Result<()> {
    if out.is_file() && !LatencyProfile::may_replace(out) {
        return Err(Error::input("not a latency profile, and would be lost; give another --out").at(out.display()));
    }
    atomic::write(out, profile.to_json().as_bytes())
}

/// The name of a device: as given, or the name of the file about it without its extension.
pub fn device_name(given: Option<String>, file: &Path) -> String {
    given.unwrap_or_else(|| file.file_stem().unwrap_or_default().to_string_lossy().into_owned())
}
