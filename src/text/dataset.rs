//! Sentence pairs as ids, in four flat vectors whatever their number.

use super::vocabulary::{EOS, PAD};
use crate::error::{Error, Result};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// Pairs of source and target ids; every sentence ends with eos.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dataset {
    source: Side,
    target: Side,
}

/// One language's sentences behind one another; sentence i ends before `ends[i]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Side {
    ids: Vec<u32>,
    ends: Vec<usize>,
}

impl Dataset {
    /// Adds a pair of ids without eos, which is appended to both.
    pub fn push(&mut self, source: &[u32], target: &[u32]) {
        self.source.push(source);
        self.target.push(target);
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.source.ends.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.source.ends.is_empty()
    }

    /// The source ids of pair `i`, eos last.
    ///
    /// # Panics
    /// If there is no pair `i`, as [`Dataset::target`] does.
    pub fn source(&self, i: usize) -> &[u32] {
        self.source.sentence(i)
    }

    /// The target ids of pair `i`, eos last.
    pub fn target(&self, i: usize) -> &[u32] {
        self.target.sentence(i)
    }

    /// Source and target ids of all pairs, in order, without eos.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u32], &[u32])> {
        let inner = |ids: &'_ [u32]| ids.len() - 1;
        (0..self.len()).map(move |i| {
            let (source, target) = (self.source(i), self.target(i));
            (&source[..inner(source)], &target[..inner(target)])
        })
    }

    /// Source ids in all, eos included.
    pub fn source_tokens(&self) -> usize {
        self.source.ids.len()
    }

    /// Target ids in all, eos included.
    pub fn target_tokens(&self) -> usize {
        self.target.ids.len()
    }

    /// As a safetensors file with the `u32` vectors `source`, `source_lengths`, `target`, `target_lengths`.
    ///
    /// # Errors
    /// If the file format refuses, which no dataset should cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let vectors = [
            ("source", bytes_of(self.source.ids.iter().copied())),
            ("source_lengths", bytes_of(self.source.lengths())),
            ("target", bytes_of(self.target.ids.iter().copied())),
            ("target_lengths", bytes_of(self.target.lengths())),
        ];
        let views = vectors
            .iter()
            .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::U32, vec![bytes.len() / 4], bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        views.and_then(|views| safetensors::serialize(views, None)).map_err(Error::failure)
    }

    /// Reads what [`Dataset::to_bytes`] wrote, for vocabularies of the given sizes.
    ///
    /// # Errors
    /// If the bytes are not such a file, lengths and ids do not fit together, a sentence does not end with eos or has
    /// one or padding within, or an id is outside its vocabulary.
    pub fn from_bytes(bytes: &[u8], source_vocab: usize, target_vocab: usize) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| Error::input(format!("not a safetensors file: {error}")))?;
        let source = Side::read(&file, "source", source_vocab)?;
        let target = Side::read(&file, "target", target_vocab)?;
        if source.ends.len() != target.ends.len() {
            return Err(Error::input(format!(
                "{} source sentences but {} target sentences",
                source.ends.len(),
                target.ends.len()
            )));
        }
        Ok(Self { source, target })
    }
}

impl Side {
    fn push(&mut self, sentence: &[u32]) {
        self.ids.extend_from_slice(sentence);
        self.ids.push(EOS);
        self.ends.push(self.ids.len());
    }

    fn start(&self, i: usize) -> usize {
        i.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    fn sentence(&self, i: usize) -> &[u32] {
        &self.ids[self.start(i)..self.ends[i]]
    }

    fn lengths(&self) -> impl Iterator<Item = u32> {
        // A sentence is bounded by the length of a line of text.
        (0..self.ends.len()).map(|i| (self.ends[i] - self.start(i)) as u32)
    }

    fn read(file: &SafeTensors, name: &str, vocab: usize) -> Result<Self> {
        let ids = read_vector(file, name)?;
        let lengths = read_vector(file, &format!("{name}_lengths"))?;
        let fail = |problem: &str| Error::input(format!("`{name}`: {problem}"));
        let mut ends = Vec::with_capacity(lengths.len());
        let mut end = 0_usize;
        for length in lengths {
            let start = end;
            end = start.saturating_add(length as usize);
            let sentence = ids.get(start..end).ok_or_else(|| fail("the lengths exceed the ids"))?;
            let Some((&EOS, inner)) = sentence.split_last() else {
                return Err(fail("a sentence does not end with eos"));
            };
            if inner.iter().any(|&id| id == EOS || id == PAD) {
                return Err(fail("eos or padding within a sentence"));
            }
            if inner.iter().any(|&id| id as usize >= vocab) {
                return Err(fail("an id outside the vocabulary"));
            }
            ends.push(end);
        }
        if end != ids.len() {
            return Err(fail("the ids exceed the lengths"));
        }
        Ok(Self { ids, ends })
    }
}

fn bytes_of(ids: impl Iterator<Item = u32>) -> Vec<u8> {
    ids.flat_map(u32::to_le_bytes).collect()
}

fn read_vector(file: &SafeTensors, name: &str) -> Result<Vec<u32>> {
    let view = file
        .tensor(name)
        .ok()
        .filter(|view| view.dtype() == Dtype::U32 && view.shape().len() == 1)
        .ok_or_else(|| Error::input(format!("no vector `{name}` of u32")))?;
    let (words, _) = view.data().as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dataset(pairs: &[(Vec<u32>, Vec<u32>)]) -> Dataset {
        let mut dataset = Dataset::default();
        for (source, target) in pairs {
            dataset.push(source, target);
        }
        dataset
    }

    #[test]
    fn sentences_end_with_eos_and_tokens_are_counted() {
        let dataset = dataset(&[(vec![4, 5], vec![6]), (vec![], vec![7, 8, 9])]);
        assert_eq!(dataset.len(), 2);
        assert_eq!((dataset.source(0), dataset.target(0)), (&[4, 5, EOS][..], &[6, EOS][..]));
        assert_eq!((dataset.source(1), dataset.target(1)), (&[EOS][..], &[7, 8, 9, EOS][..]));
        assert_eq!((dataset.source_tokens(), dataset.target_tokens()), (4, 6));
    }

    #[test]
    fn ids_outside_the_vocabulary_and_misfits_are_refused() {
        let bytes = dataset(&[(vec![4], vec![9])]).to_bytes().unwrap();
        assert!(Dataset::from_bytes(&bytes, 5, 10).is_ok());
        for (source, target) in [(4, 10), (5, 9)] {
            let error = Dataset::from_bytes(&bytes, source, target).unwrap_err();
            assert!(error.to_string().contains("outside the vocabulary"), "{error}");
        }
        let misfits: [(&str, Side); 4] = [
            ("end with eos", Side { ids: vec![4], ends: vec![1] }),
            ("end with eos", Side { ids: vec![], ends: vec![0] }),
            ("exceed the lengths", Side { ids: vec![4, EOS], ends: vec![] }),
            ("within a sentence", Side { ids: vec![EOS, EOS], ends: vec![2] }),
        ];
        for (expected, source) in misfits {
            let bytes = Dataset { source, target: Side::default() }.to_bytes().unwrap();
            let error = Dataset::from_bytes(&bytes, 9, 9).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn cut_or_foreign_bytes_are_refused() {
        let bytes = dataset(&[(vec![4], vec![5]), (vec![6], vec![7])]).to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(Dataset::from_bytes(&bytes[..end], 8, 8).is_err());
        }
        let empty = safetensors::serialize(Vec::<(&str, TensorView)>::new(), None).unwrap();
        assert!(Dataset::from_bytes(&empty, 8, 8).is_err());
    }

    proptest! {
        #[test]
        fn bytes_round_trip(pairs in prop::collection::vec(
            (prop::collection::vec(3u32..50, 0..6), prop::collection::vec(3u32..60, 0..6)), 0..8,
        )) {
            let dataset = dataset(&pairs);
            let bytes = dataset.to_bytes().unwrap();
            prop_assert_eq!(Dataset::from_bytes(&bytes, 50, 60).unwrap(), dataset);
        }
    }
}
