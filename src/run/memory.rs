//! How much memory the process has used.

use super::atomic;
use crate::checksum;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Notes [`peak_memory_bytes`] in the file at `path`, unless more is noted there.
///
/// # Errors
/// [`Error::Failure`](crate::error::Error::Failure) when it cannot be read or written.
pub fn note_peak(path: &Path) -> Result<()> {
    let peak_memory_bytes = peak_memory_bytes().max(noted_peak(path)?);
    atomic::write(path, checksum::to_text(&Noted { peak_memory_bytes })?.as_bytes())
}

/// What [`note_peak`] has noted; none where it has not.
///
/// # Errors
/// [`Error::Failure`](crate::error::Error::Failure) when the file cannot be read, [`Error::Input`](crate::error::Error::Input) when it
/// is damaged.
pub fn noted_peak(path: &Path) -> Result<Option<u64>> {
    let Some(text) = atomic::read(path)? else { return Ok(None) };
    let noted = checksum::from_text::<Noted>(&text, "a note of memory", "remove the file");
    Ok(noted.map_err(|error| error.at(path.display()))?.peak_memory_bytes)
}

#[derive(Serialize, Deserialize)]
struct Noted {
    peak_memory_bytes: Option<u64>,
}

/// The largest resident set of this process so far, in bytes (`VmHWM` of Linux); none where the system does not tell.
pub fn peak_memory_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_and_anything_else_is_none() {
        let status = "Name:\tautomoe\nVmPeak:\t  999 kB\nVmHWM:\t   1234 kB\nVmRSS:\t     1 kB\n";
        assert_eq!(parse(status), Some(1234 * 1024));
        for bad in ["", "VmHWM: 12", "VmHWM: many kB", "VmHWM: 18446744073709551615 kB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_most_that_was_noted_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.json");
        assert_eq!(noted_peak(&path).unwrap(), None);
        std::fs::write(&path, format!("{{\"peak_memory_bytes\":{}}}", u64::MAX)).unwrap();
        note_peak(&path).unwrap();
        assert_eq!(noted_peak(&path).unwrap(), Some(u64::MAX));
        std::fs::remove_file(&path).unwrap();
        note_peak(&path).unwrap();
        assert!(noted_peak(&path).unwrap() <= peak_memory_bytes());
        std::fs::write(&path, "{}x").unwrap();
        assert_eq!(noted_peak(&path).unwrap_err().exit_code(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_used_shows() {
        let before = peak_memory_bytes().unwrap();
        // Ones, as zeroed pages would not be resident.
        let used = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = peak_memory_bytes().unwrap();
        assert!(after >= used.len() as u64 && after >= before, "{before} {after}");
    }
}
