//! Groups pairs of like length into batches and pads them to rectangles.

use super::dataset::Dataset;
use super::vocabulary::PAD;
use crate::error::{Error, Result};
use crate::seed;
use rand::seq::SliceRandom;

/// Padded pairs, ready for a forward pass; all matrices are row-major, a row a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// `[sentences, source_len]`: ends with eos, padded on the left.
    pub source: Vec<u32>,
    /// `[sentences, target_len]`: the target rotated so that eos comes first, padded on the right.
    pub prev_output: Vec<u32>,
    /// `[sentences, target_len]`: ends with eos, padded on the right.
    pub target: Vec<u32>,
    /// Rows.
    pub sentences: usize,
    /// Columns of `source`.
    pub source_len: usize,
    /// Columns of `prev_output` and `target`.
    pub target_len: usize,
    /// Target tokens, eos included and padding not.
    pub target_tokens: usize,
    /// Which pair of the dataset each row is.
    pub indices: Vec<u32>,
}

/// Padded sources, ready for an encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBatch {
    /// `[sentences, source_len]`: ends with eos, padded on the left.
    pub source: Vec<u32>,
    /// Rows.
    pub sentences: usize,
    /// Columns.
    pub source_len: usize,
}

/// The pairs `indices` of `dataset` as one batch, in that order.
///
/// # Panics
/// If `dataset` has no such pair.
pub fn collate(dataset: &Dataset, indices: &[u32]) -> Batch {
    let sources: Vec<&[u32]> = indices.iter().map(|&i| dataset.source(i as usize)).collect();
    let SourceBatch { source, sentences, source_len } = source_batch(&sources);
    let targets = || indices.iter().map(|&i| dataset.target(i as usize));
    let target_len = targets().map(<[u32]>::len).max().unwrap_or(0);
    let mut prev_output = vec![PAD; sentences * target_len];
    let mut target = prev_output.clone();
    for (row, ids) in targets().enumerate() {
        let start = row * target_len;
        target[start..start + ids.len()].copy_from_slice(ids);
        let rotated = &mut prev_output[start..start + ids.len()];
        rotated.copy_from_slice(ids);
        rotated.rotate_right(1);
    }
    Batch {
        source,
        prev_output,
        target,
        sentences,
        source_len,
        target_len,
        target_tokens: targets().map(<[u32]>::len).sum(),
        indices: indices.to_vec(),
    }
}

/// `sources`, each with its eos, as one batch, in that order.
pub fn source_batch(sources: &[&[u32]]) -> SourceBatch {
    let source_len = sources.iter().map(|ids| ids.len()).max().unwrap_or(0);
    let mut source = vec![PAD; sources.len() * source_len];
    for (row, ids) in sources.iter().enumerate() {
        let end = (row + 1) * source_len;
        source[end - ids.len()..end].copy_from_slice(ids);
    }
    SourceBatch { source, sentences: sources.len(), source_len }
}

/// All pairs of `dataset` once, in batches of at most `max_tokens` = sentences × the longest side (eos and padding
/// included): pairs of like length together, pairs of equal length in random order, the batches in random order.
///
/// The order depends on `seed` and `epoch` alone.
///
/// # Errors
/// If a pair is longer than `max_tokens` by itself.
pub fn epoch_batches(dataset: &Dataset, max_tokens: usize, seed: u64, epoch: u64) -> Result<Vec<Vec<u32>>> {
    let mut random = seed::stream(seed, "batches", epoch);
    let mut order = indices(dataset)?;
    order.shuffle(&mut random);
    let mut batches = batches_by_length(dataset, max_tokens, order)?;
    batches.shuffle(&mut random);
    Ok(batches)
}

/// All pairs of `dataset` once, in batches as those of [`epoch_batches`], but from the shortest to the longest and with
/// pairs of equal length in the dataset's order.
///
/// # Errors
/// As [`epoch_batches`].
pub fn fixed_batches(dataset: &Dataset, max_tokens: usize) -> Result<Vec<Vec<u32>>> {
    batches_by_length(dataset, max_tokens, indices(dataset)?)
}

fn indices(dataset: &Dataset) -> Result<Vec<u32>> {
    let pairs = u32::try_from(dataset.len())
        .map_err(|_| Error::input(format!("{} pairs are more than can be numbered", dataset.len())))?;
    Ok((0..pairs).collect())
}

/// Sorts `order` by the source's length and then the target's, as fairseq does, and cuts it into batches.
///
/// # Errors
/// A pair is longer than `max_tokens`.
pub fn batches_by_length(dataset: &Dataset, max_tokens: usize, mut order: Vec<u32>) -> Result<Vec<Vec<u32>>> {
    let lengths = |i: u32| (dataset.source(i as usize).len(), dataset.target(i as usize).len());
    order.sort_by_key(|&i| lengths(i));
    let mut batches = Vec::new();
    let mut batch: Vec<u32> = Vec::new();
    let mut longest = 0;
    for i in order {
        let (source, target) = lengths(i);
        let length = source.max(target);
        if length > max_tokens {
            return Err(Error::input(format!(
                "pair {} of the prepared data has {source} source and {target} target subwords (eos included), more than \
                 `max_tokens` = {max_tokens}: raise it, or lower `data.max_length`",
                i + 1
            )));
        }
        if (batch.len() + 1) * longest.max(length) > max_tokens {
            batches.push(std::mem::take(&mut batch));
            longest = 0;
        }
        longest = longest.max(length);
        batch.push(i);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::EOS;
    use super::*;
    use proptest::prelude::*;

    fn dataset(lengths: &[(usize, usize)]) -> Dataset {
        let mut dataset = Dataset::default();
        for &(source, target) in lengths {
            let ids: Vec<u32> = (10..).take(source.max(target)).collect();
            dataset.push(&ids[..source], &ids[..target]);
        }
        dataset
    }

    #[test]
    fn sources_pad_left_targets_right_and_eos_leads_the_decoder_input() {
        let batch = collate(&dataset(&[(9, 9), (1, 2), (3, 1)]), &[2, 1]);
        assert_eq!(batch.source, [10, 11, 12, EOS, PAD, PAD, 10, EOS]);
        assert_eq!(batch.target, [10, EOS, PAD, 10, 11, EOS]);
        assert_eq!(batch.prev_output, [EOS, 10, PAD, EOS, 10, 11]);
        assert_eq!((batch.sentences, batch.source_len, batch.target_len), (2, 4, 3));
        assert_eq!((batch.target_tokens, batch.indices), (5, vec![2, 1]));
    }

    #[test]
    fn empty_batches_are_empty() {
        assert!(source_batch(&[]).source.is_empty());
        assert_eq!(collate(&Dataset::default(), &[]).sentences, 0);
        assert!(fixed_batches(&Dataset::default(), 10).unwrap().is_empty());
    }

    #[test]
    fn a_pair_over_the_limit_is_named() {
        let dataset = dataset(&[(2, 2), (4, 10)]);
        assert!(fixed_batches(&dataset, 11).is_ok());
        let error = epoch_batches(&dataset, 10, 1, 0).unwrap_err().to_string();
        assert!(error.contains("pair 2 of the prepared data has 5 source and 11 target"), "{error}");
    }

    #[test]
    fn epochs_differ_and_repeat() {
        let dataset = dataset(&[(3, 3); 100]);
        let batches = |seed, epoch| epoch_batches(&dataset, 40, seed, epoch).unwrap();
        assert_eq!(batches(1, 0), batches(1, 0));
        assert_ne!(batches(1, 0), batches(1, 1));
        assert_ne!(batches(1, 0), batches(2, 0));
    }

    #[test]
    fn fixed_batches_go_from_short_to_long() {
        let dataset = dataset(&[(5, 5), (2, 3), (2, 2), (5, 5)]);
        assert_eq!(fixed_batches(&dataset, 12).unwrap(), [vec![2, 1], vec![0, 3]]);
    }

    proptest! {
        #[test]
        fn batches_hold_each_pair_once_within_the_limit(
            lengths in prop::collection::vec((0usize..12, 0usize..12), 0..60),
            max_tokens in 12usize..80,
            epoch in 0u64..4,
        ) {
            let dataset = dataset(&lengths);
            for batches in [
                epoch_batches(&dataset, max_tokens, 7, epoch).unwrap(),
                fixed_batches(&dataset, max_tokens).unwrap(),
            ] {
                let mut seen = Vec::new();
                for indices in &batches {
                    let batch = collate(&dataset, indices);
                    prop_assert!(batch.sentences > 0);
                    prop_assert!(batch.sentences * batch.source_len.max(batch.target_len) <= max_tokens);
                    seen.extend(batch.indices);
                }
                seen.sort_unstable();
                prop_assert!(seen.into_iter().eq(0..dataset.len() as u32));
            }
        }

        #[test]
        fn rows_are_the_pairs_again(
            lengths in prop::collection::vec((0usize..9, 0usize..9), 1..9),
        ) {
            let dataset = dataset(&lengths);
            let indices: Vec<u32> = (0..dataset.len() as u32).rev().collect();
            let batch = collate(&dataset, &indices);
            prop_assert!(batch.source.len() == batch.sentences * batch.source_len);
            prop_assert!(batch.target.len() == batch.sentences * batch.target_len);
            for (row, &i) in indices.iter().enumerate() {
                let (source, target) = (dataset.source(i as usize), dataset.target(i as usize));
                let columns = &batch.source[row * batch.source_len..][..batch.source_len];
                let (padding, ids) = columns.split_at(batch.source_len - source.len());
                prop_assert_eq!(ids, source);
                prop_assert!(padding.iter().all(|&id| id == PAD));
                let rows = row * batch.target_len..(row + 1) * batch.target_len;
                let (ids, padding) = batch.target[rows.clone()].split_at(target.len());
                prop_assert_eq!(ids, target);
                prop_assert!(padding.iter().all(|&id| id == PAD));
                let (input, padding) = batch.prev_output[rows].split_at(target.len());
                prop_assert_eq!(input[0], EOS);
                prop_assert_eq!(&input[1..], &target[..target.len() - 1]);
                prop_assert!(padding.iter().all(|&id| id == PAD));
            }
            let tokens = batch.target.iter().filter(|&&id| id != PAD).count();
            prop_assert_eq!(tokens, batch.target_tokens);
        }
    }
}
