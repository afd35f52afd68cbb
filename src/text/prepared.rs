//! All that was made of the text.

use super::dataset::Dataset;
use super::statistics::Statistics;
use super::subwords::SubwordModel;
use crate::error::Result;
use std::sync::Arc;

/// All that training, search and translation need of the data.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Turns source text into ids.
    pub source_subwords: Arc<SubwordModel>,
    /// Turns target text into ids; the same as the source's where the vocabulary is joined.
    pub target_subwords: Arc<SubwordModel>,
    /// Training pairs, without those that were dropped.
    pub train: Dataset,
    /// Validation pairs, all of them.
    pub valid: Dataset,
    /// Test pairs, all of them.
    pub test: Dataset,
    /// The sentences of the validation targets.
    pub valid_references: Vec<String>,
    /// The sentences of the test targets.
    pub test_references: Vec<String>,
    /// Whether references of test pairs are their ids joined to words, as nothing else is known of them.
    pub has_joined_references: bool,
    /// What was read, dropped and kept.
    pub statistics: Statistics,
    /// What it was made of.
    pub fingerprints: Fingerprints,
}

/// Hashes, the same for the same settings and text, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprints {
    /// Of everything.
    pub whole: String,
    /// Of all but the test text, which no model depends on: [`Self::whole`] of the same data without any. The toy corpus is one
    /// whole.
    pub without_test: String,
}

impl Prepared {
    /// Entries of the source vocabulary.
    pub fn source_vocab(&self) -> usize {
        self.source_subwords.vocab_size()
    }

    /// Entries of the target vocabulary.
    pub fn target_vocab(&self) -> usize {
        self.target_subwords.vocab_size()
    }

    /// Leaves out the validation pairs whose source and target `keep` does not want.
    pub fn keep_valid(&mut self, mut keep: impl FnMut(&[u32], &[u32]) -> bool) {
        let all = std::mem::take(&mut self.valid);
        let references = std::mem::take(&mut self.valid_references);
        for (i, ((source, target), reference)) in all.pairs().zip(references).enumerate() {
            if keep(all.source(i), all.target(i)) {
                self.valid.push(source, target);
                self.valid_references.push(reference);
            }
        }
    }

    /// See [`subwords_fingerprint`].
    ///
    /// # Errors
    /// As [`SubwordModel::to_json`].
    pub fn subwords_fingerprint(&self) -> Result<String> {
        subwords_fingerprint([&self.source_subwords, &self.target_subwords])
    }
}

/// What weights from elsewhere are tied to in place of prepared data: the same for the same subwords, and for nothing else.
///
/// # Errors
/// As [`SubwordModel::to_json`].
pub fn subwords_fingerprint(subwords: [&SubwordModel; 2]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for model in subwords {
        let json = model.to_json()?;
        hasher.update(&(json.len() as u64).to_le_bytes());
        hasher.update(json.as_bytes());
    }
    Ok(format!("subwords-{}", hasher.finalize().to_hex()))
}
