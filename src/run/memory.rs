//! What phases take: how much memory the process has used, and what a search has taken.

use super::atomic;
use crate::checksum;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a search has taken, over all calls that went on with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchSpent {
    /// The most memory, in bytes; none where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// Wall time; none where that of an earlier call is not known.
    pub seconds: Option<f64>,
}

impl SearchSpent {
    /// Adds a call of so many seconds, with the peak of memory of this process, to what is noted in the file at `path`. Where nothing is
    /// noted and the call `goes_on` with an earlier one, that one's time is not known.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when the file cannot be read or written, [`Error::Input`](crate::error::Error::Input)
    /// when it is damaged.
    pub fn note(path: &Path, seconds: f64, goes_on: bool) -> Result<()> {
        let before = Self::read(path)?;
        let before = before.unwrap_or(Self { peak_memory_bytes: None, seconds: (!goes_on).then_some(0.0) });
        let spent = Self {
            peak_memory_bytes: peak_memory_bytes().max(before.peak_memory_bytes),
            seconds: before.seconds.map(|before| before + seconds),
        };
        atomic::write(path, checksum::to_text(&spent)?.as_bytes())
    }

    /// What [`Self::note`] has noted; none where it has not.
    ///
    /// # Errors
    /// [`Error::Failure`](crate::error::Error::Failure) when the file cannot be read, [`Error::Input`](crate::error::Error::Input) when it
    /// is damaged.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = atomic::read(path)? else { return Ok(None) };
        let noted = checksum::from_text(&text, "a note of what a search took", "remove the file");
        noted.map(Some).map_err(|error| error.at(path.display()))
    }
}

/// The largest resident set of this process since [`forget_peak`], or since it began where that was not called or is not possible, in
/// bytes (`VmHWM` of Linux); none where the system does not tell.
pub fn peak_memory_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Begins anew to look for the peak of memory, so that it is a phase's own (`clear_refs`, proc_pid_clear_refs(5)). Where that is not
/// possible the peak stays the process's.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
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
    fn seconds_add_up_and_the_most_memory_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spent.json");
        let seconds = |seconds, goes_on| {
            SearchSpent::note(&path, seconds, goes_on).unwrap();
            SearchSpent::read(&path).unwrap().unwrap().seconds
        };
        assert_eq!(SearchSpent::read(&path).unwrap(), None);
        assert_eq!([seconds(2.0, false), seconds(3.0, true)], [Some(2.0), Some(5.0)]);
        // What the first call took was not noted.
        std::fs::remove_file(&path).unwrap();
        assert_eq!([seconds(2.0, true), seconds(3.0, true)], [None, None]);
        std::fs::write(&path, format!("{{\"peak_memory_bytes\":{},\"seconds\":1.0}}", u64::MAX)).unwrap();
        assert_eq!(seconds(1.0, true), Some(2.0));
        assert_eq!(SearchSpent::read(&path).unwrap().unwrap().peak_memory_bytes, Some(u64::MAX));
        std::fs::write(&path, "{}x").unwrap();
        assert_eq!(SearchSpent::note(&path, 1.0, true).unwrap_err().exit_code(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_used_shows_until_its_peak_is_forgotten() {
        // Ones, as zeroed pages would not be resident.
        let used = std::hint::black_box(vec![1u8; 512 << 20]);
        let with = peak_memory_bytes().unwrap();
        assert!(with >= used.len() as u64, "{with}");
        drop(used);
        if std::fs::write("/proc/self/clear_refs", "5").is_err() {
            eprintln!("skipped: this system does not let its peak of memory be forgotten");
            return;
        }
        forget_peak();
        let without = peak_memory_bytes().unwrap();
        assert!(without < with, "{without} {with}");
    }
}
