//! `parts.jsonl`, beside the trials of a search whose candidates race: losses on parts of the validation set. It only saves time:
//! what is not in it is evaluated again.

use super::evaluator::{Evaluation, Evaluator};
use crate::error::Result;
use crate::run::jsonl::{JsonLines, Sync};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The log's name.
const FILE: &str = "parts.jsonl";

/// Losses on the first parts of the validation set, by architecture.
pub(super) struct Parts {
    log: JsonLines,
    conditions: String,
    known: HashMap<Architecture, Vec<Evaluation>>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    conditions: String,
    architecture: Architecture,
    /// The first of the parts that follow those of the lines before.
    first: usize,
    parts: Vec<Evaluation>,
}

impl Parts {
    /// Those beside the log `trials` that `evaluator` would find again.
    ///
    /// # Errors
    /// A log that is none, or that cannot be written.
    pub fn open(trials: &Path, evaluator: &dyn Evaluator) -> Result<Self> {
        let path = trials.with_file_name(FILE);
        let log = JsonLines::open(&path, Sync::Never)?;
        let mut parts = Self { log, conditions: evaluator.conditions(), known: HashMap::new() };
        for line in JsonLines::read::<Line>(&path)? {
            if line.conditions == parts.conditions {
                parts.take(line.architecture, line.first, line.parts);
            }
        }
        Ok(parts)
    }

    /// Those of `architecture`, the first ones of the set.
    pub fn of(&self, architecture: &Architecture) -> &[Evaluation] {
        self.known.get(architecture).map_or(&[], Vec::as_slice)
    }

    /// Keeps the next `parts` of `architecture`.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn add(&mut self, architecture: &Architecture, parts: Vec<Evaluation>) -> Result<()> {
        let (conditions, first) = (self.conditions.clone(), self.of(architecture).len());
        let line = Line { conditions, architecture: architecture.clone(), first, parts };
        self.log.append_sealed(&line)?;
        self.take(line.architecture, first, line.parts);
        Ok(())
    }

    fn take(&mut self, architecture: Architecture, first: usize, parts: Vec<Evaluation>) {
        let known = self.known.entry(architecture).or_default();
        if known.len() == first {
            known.extend(parts);
        }
    }
}
