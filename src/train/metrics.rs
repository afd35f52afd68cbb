//! What a training logs as it goes: `metrics.jsonl`, and where it is asked for the same figures for TensorBoard.

use super::changes::{Changes, go_on};
use super::job::Job;
use crate::error::Result;
use crate::run::directory::METRICS;
use crate::run::jsonl::Sync;
use crate::run::{EventFile, JsonLines};
use serde_json::Value;

/// TensorBoard's names of the figures in a line of metrics.
/// As fairseq has them, `loss` is with what smoothing adds, and `ppl` is of `nll_loss`.
const SCALARS: [(&str, &str); 6] = [
    ("loss", "train/loss"),
    ("nll", "train/nll_loss"),
    ("perplexity", "train/ppl"),
    ("lr", "train/lr"),
    ("trained_gflops", "train/gflops"),
    ("valid_mean", "valid/mean"),
];

/// The logs of a training under way.
pub(super) struct Metrics {
    lines: JsonLines,
    events: Option<EventFile>,
}

impl Metrics {
    /// Opens the logs of `job` as they were after `done` updates, and goes on with settings that differ by `changes`; see [`go_on`].
    ///
    /// # Errors
    /// They cannot be read or written.
    pub fn open(job: &Job, changes: &Changes, done: usize) -> Result<Self> {
        let mut lines = JsonLines::open(&job.folder.join(METRICS), Sync::Never)?;
        go_on(job, changes, done, &mut lines)?;
        let events = (job.tensorboard && done < job.config.max_updates)
            .then(|| EventFile::open(job.folder, done as u64))
            .transpose()?;
        Ok(Self { lines, events })
    }

    /// Appends a line, which has the key `update`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, line: &Value) -> Result<()> {
        self.lines.append(line)?;
        match &mut self.events {
            Some(events) => events.append_scalars(line["update"].as_u64().unwrap_or_default(), &scalars(line)),
            None => Ok(()),
        }
    }
}

/// What TensorBoard shows of a line.
fn scalars(line: &Value) -> Vec<(String, f64)> {
    let figure = |(key, tag): (&str, &str)| Some((tag.to_owned(), line.get(key)?.as_f64()?));
    let mut scalars: Vec<_> = SCALARS.into_iter().filter_map(figure).collect();
    if let (Some(tokens), Some(seconds)) = (line["tokens"].as_f64(), line["seconds"].as_f64()) {
        scalars.push(("train/tokens_per_second".to_owned(), tokens / seconds));
    }
    let valid = line["valid"].as_object().into_iter().flatten();
    scalars.extend(valid.filter_map(|(name, loss)| Some((format!("valid/{name}"), loss.as_f64()?))));
    scalars
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn figures_have_their_usual_names() {
        let line = json!({"update": 5, "loss": 3.5, "perplexity": 9.0, "lr": 1e-3, "tokens": 600, "seconds": 1.5,
            "trained_gflops": null});
        let named = |scalars: Vec<(String, f64)>| -> BTreeMap<String, f64> { scalars.into_iter().collect() };
        let expected =
            [("train/loss", 3.5), ("train/ppl", 9.0), ("train/lr", 1e-3), ("train/tokens_per_second", 400.0)];
        assert_eq!(named(scalars(&line)), expected.map(|(tag, figure)| (tag.to_owned(), figure)).into());
        let line = json!({"update": 5, "valid": {"largest": 4.0, "smallest": 6.0}, "valid_mean": 5.0, "slots": {}});
        let expected = [("valid/largest", 4.0), ("valid/smallest", 6.0), ("valid/mean", 5.0)];
        assert_eq!(named(scalars(&line)), expected.map(|(tag, figure)| (tag.to_owned(), figure)).into());
        assert!(scalars(&json!({"update": 5, "changed": {"lr": [1, 2]}})).is_empty());
    }
}
