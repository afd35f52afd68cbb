//! The translations of the test set that a run keeps of each model, so that models can be compared line by line later on.

use super::weights_hash::hash_file;
use crate::error::Result;
use crate::run::{RunDirectory, atomic};

/// Keeps `lines`, what the model `name` has made of the test set, in `run`, and returns the BLAKE3 of the file. It has a line for
/// each: a line break within one, which nobody sees in a score, is a space there.
///
/// # Errors
/// It cannot be written.
pub(super) fn keep(run: &RunDirectory, name: &str, lines: &[String]) -> Result<String> {
    let text: String = lines.iter().map(|line| format!("{}\n", line.replace(['\n', '\r'], " "))).collect();
    let path = run.hypotheses(name);
    atomic::write(&path, text.as_bytes())?;
    hash_file(&path)
}

/// What [`keep`] has kept of the model `name`, where that is still there as it was.
pub(super) fn kept(run: &RunDirectory, name: &str, hash: &str) -> Option<Vec<String>> {
    let path = run.hypotheses(name);
    if hash_file(&path).ok()? != hash {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.split_terminator('\n').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_long_as_nobody_changed_them() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::open(&folder.path().join("run"), "", "run", false).unwrap();
        let lines = ["a b", "", "c\nd", ""].map(String::from);
        let hash = keep(&run, "winner@gflops=0.02", &lines).unwrap();
        assert_eq!(kept(&run, "winner@gflops=0.02", &hash).unwrap(), ["a b", "", "c d", ""]);
        assert_eq!(kept(&run, "winner", &hash), None);
        std::fs::write(run.hypotheses("winner@gflops=0.02"), "a\n").unwrap();
        assert_eq!(kept(&run, "winner@gflops=0.02", &hash), None);
    }
}
