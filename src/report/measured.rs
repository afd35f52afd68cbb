//! What runs of this program measured, from their `results.json`.

use crate::bounded::read_with;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// One model of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MeasuredRow {
    /// The model's name.
    pub name: String,
    /// BLEU on the test set.
    pub bleu: Option<f64>,
    /// FLOPs in units of 10⁹, without the output projection.
    pub gflops: Option<f64>,
    /// Parameters without embeddings, all experts.
    pub parameters: Option<f64>,
    /// Parameters without embeddings that a token passes.
    pub active_parameters: Option<f64>,
    /// Share of parameters that a token does not pass, 0 to 1.
    pub sparsity: Option<f64>,
}

/// The rows of a `results.json`: `{"rows": [{"name": …, "bleu": …, "gflops": …, "parameters": …}, …]}`;
/// figures may be missing, and other keys are not read.
///
/// # Errors
/// A file that cannot be opened or is no such JSON.
pub fn measured_rows(path: &Path) -> Result<Vec<MeasuredRow>> {
    #[derive(Deserialize)]
    struct Results {
        rows: Vec<MeasuredRow>,
    }
    read_with(path, MAX_BYTES, |text| {
        let results: Result<Results, _> = serde_json::from_str(text);
        results.map(|results| results.rows).map_err(|error| Error::input(format!("not the results of a run: {error}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<MeasuredRow>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, text).unwrap();
        measured_rows(&path)
    }

    #[test]
    fn figures_may_be_missing_and_more_keys_may_be_there() {
        let rows = read(
            r#"{"seed": 1, "rows": [
                {"name": "found", "bleu": 33.1, "active_parameters": 4000000, "chrf": 60.5},
                {"name": "dense", "parameters": 5000000}]}"#,
        )
        .unwrap();
        assert_eq!((rows[0].bleu, rows[0].active_parameters), (Some(33.1), Some(4e6)));
        assert_eq!((rows[1].bleu, rows[1].parameters), (None, Some(5e6)));
    }

    #[test]
    fn a_bad_file_is_named() {
        let error = read(r#"{"rows": [{"bleu": 1}]}"#).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        assert!(message.contains("results.json: not the results of a run: missing field `name`"));
        assert!(measured_rows(Path::new("absent/results.json")).is_err());
    }
}
