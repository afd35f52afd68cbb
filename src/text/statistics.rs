//! What preparing the data did: counts for the user and the report.

use super::dataset::Dataset;
use super::vocabulary::UNK;
use serde::{Deserialize, Serialize};

/// Counts of a whole preparation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Entries of the source vocabulary, special symbols included.
    pub source_vocabulary: usize,
    /// Entries of the target vocabulary; the same vocabulary where it is joined.
    pub target_vocabulary: usize,
    /// The training pairs.
    pub train: SplitStatistics,
    /// The validation pairs.
    pub valid: SplitStatistics,
    /// The test pairs.
    pub test: SplitStatistics,
}

/// Counts of one part of the data. Only training pairs are ever dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitStatistics {
    /// Pairs in the files.
    pub pairs_read: usize,
    /// Pairs dropped because a side was blank.
    pub dropped_blank: usize,
    /// Pairs dropped because a side had more subwords than `max_length`.
    pub dropped_length: usize,
    /// Pairs dropped because one side was more than `max_length_ratio` times as long as the other.
    pub dropped_ratio: usize,
    /// Pairs left.
    pub pairs_kept: usize,
    /// Subwords of the kept sources, an eos for each included.
    pub source_tokens: usize,
    /// Subwords of the kept targets, an eos for each included.
    pub target_tokens: usize,
    /// Mean subwords of a kept source, eos included.
    pub mean_source_length: f64,
    /// Mean subwords of a kept target, eos included.
    pub mean_target_length: f64,
    /// Share of the source subwords that are unknown.
    pub source_unknown_rate: f64,
    /// Share of the target subwords that are unknown.
    pub target_unknown_rate: f64,
}

impl SplitStatistics {
    /// Fills in what can be counted in the kept pairs.
    pub(super) fn count(&mut self, kept: &Dataset) {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let unknown = |ids: &[u32]| ids.iter().filter(|&&id| id == UNK).count();
        let source_unknown = (0..kept.len()).map(|i| unknown(kept.source(i))).sum();
        let target_unknown = (0..kept.len()).map(|i| unknown(kept.target(i))).sum();
        self.pairs_kept = kept.len();
        self.source_tokens = kept.source_tokens();
        self.target_tokens = kept.target_tokens();
        self.mean_source_length = share(self.source_tokens, kept.len());
        self.mean_target_length = share(self.target_tokens, kept.len());
        self.source_unknown_rate = share(source_unknown, self.source_tokens);
        self.target_unknown_rate = share(target_unknown, self.target_tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_means_and_unknowns_are_counted() {
        let mut kept = Dataset::default();
        kept.push(&[5, UNK, 6], &[7]);
        kept.push(&[5], &[UNK, UNK, 8]);
        let mut statistics = SplitStatistics::default();
        statistics.count(&kept);
        assert_eq!((statistics.pairs_kept, statistics.source_tokens, statistics.target_tokens), (2, 6, 6));
        assert_eq!((statistics.mean_source_length, statistics.mean_target_length), (3.0, 3.0));
        assert_eq!((statistics.source_unknown_rate, statistics.target_unknown_rate), (1.0 / 6.0, 2.0 / 6.0));
    }

    #[test]
    fn an_empty_part_has_no_rates() {
        let mut statistics = SplitStatistics::default();
        statistics.count(&Dataset::default());
        assert_eq!(statistics, SplitStatistics::default());
    }
}
