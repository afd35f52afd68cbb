//! Sentence pairs as text.

/// Sentence pairs: `sources[i]` and `targets[i]` mean the same. Both have the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParallelText {
    /// Sentences of the source language.
    pub sources: Vec<String>,
    /// Sentences of the target language.
    pub targets: Vec<String>,
}

impl ParallelText {
    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Puts the pairs of `other` behind these.
    pub fn append(&mut self, mut other: Self) {
        self.sources.append(&mut other.sources);
        self.targets.append(&mut other.targets);
    }

    /// Lower-cases both sides.
    pub fn lowercase(&mut self) {
        for line in self.sources.iter_mut().chain(&mut self.targets) {
            *line = line.to_lowercase();
        }
    }
}
