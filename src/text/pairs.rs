//! Sentence pairs as a file has them: text, or ids already.

use super::dataset::Dataset;
use super::parallel::ParallelText;

/// What was read of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairs {
    /// Sentences, which subwords are made of.
    Text(ParallelText),
    /// Ids of the dictionaries that lie beside them.
    Ids(Dataset),
}

impl Pairs {
    /// How many pairs there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Ids(ids) => ids.len(),
        }
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sentences, where they are text.
    pub fn text(&self) -> Option<&ParallelText> {
        match self {
            Self::Text(text) => Some(text),
            Self::Ids(_) => None,
        }
    }
}
