//! How much memory the process has used.

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
