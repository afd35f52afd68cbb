//! What a training has taken, by its log.

use super::log::{Line, seconds};
use crate::run::JsonLines;
use crate::run::directory::METRICS;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a training has taken. What was done again after an interruption counts once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// FLOPs in units of 10⁹, forward and backward passes, output projection included; none where they were not counted from the
    /// beginning.
    pub gflops: Option<f64>,
    /// Wall time, validations included.
    pub hours: f64,
}

/// What the training in `folder` has taken; none where its log is gone, or damaged.
pub fn spent(folder: &Path) -> Option<Spent> {
    let lines: Vec<Line> = JsonLines::read(&folder.join(METRICS)).ok()?;
    Some(Spent { gflops: lines.last()?.trained_gflops, hours: seconds(&lines) / 3600.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_add_up_and_flops_are_the_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(spent(folder.path()), None);
        let log = "{\"update\":1,\"seconds\":900.0,\"trained_gflops\":1.5}\n{\"update\":2,\"seconds\":900.0,\"trained_gflops\":3.0}\n\
                   {\"update\":2,\"valid_mean\":7.0,\"trained_gflops\":3.5}\n";
        std::fs::write(folder.path().join(METRICS), log).unwrap();
        assert_eq!(spent(folder.path()), Some(Spent { gflops: Some(3.5), hours: 0.5 }));
        // As version 0.1.0 wrote it.
        std::fs::write(folder.path().join(METRICS), "{\"update\":1,\"seconds\":360.0}\n").unwrap();
        assert_eq!(spent(folder.path()), Some(Spent { gflops: None, hours: 0.1 }));
    }
}
