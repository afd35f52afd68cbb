//! Text in, text out: sentences are encoded, batched by length, searched, decoded, and returned in their own order.

use super::beam::beam_search;
use crate::config::TranslateConfig;
use crate::error::{Error, Result};
use crate::model::{MAX_POSITIONS, Transformer};
use crate::text::{EOS, SubwordModel, source_batch};
use rayon::prelude::*;
use std::sync::Arc;

/// A model with its subwords.
pub struct Translator {
    /// The model, without autodiff.
    pub model: Transformer,
    /// Turns source text into ids.
    pub source_subwords: Arc<SubwordModel>,
    /// Turns target ids into text.
    pub target_subwords: Arc<SubwordModel>,
    /// Lower-case the source first, as the training text was.
    pub lowercase: bool,
    /// Beam search's settings.
    pub config: TranslateConfig,
}

/// One translation of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// The text.
    pub text: String,
    /// Σ log p / length^length_penalty.
    pub score: f64,
}

impl Translator {
    /// The translations of each line, best first, at most `beam` each; blank lines stay blank. `progress` is told how many lines were finished.
    ///
    /// # Errors
    /// A line has more subwords than the model has positions; it is named by its number, counted from `first_line`.
    pub fn translate(
        &self,
        lines: &[String],
        first_line: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Vec<Translation>>> {
        let encoded: Vec<Vec<u32>> = lines.par_iter().map(|line| self.encode(line)).collect();
        let encoded: Vec<&[u32]> = encoded.iter().map(Vec::as_slice).collect();
        let mut translations = self.translate_ids(&encoded, first_line, progress)?;
        for (line, best) in lines.iter().zip(&mut translations) {
            if line.trim().is_empty() {
                best.iter_mut().for_each(|translation| *translation = Translation { text: String::new(), score: 0.0 });
            }
        }
        Ok(translations)
    }

    /// Places of the lines that have more subwords than the model has positions, and how many.
    pub fn too_long(&self, lines: &[String]) -> Vec<(usize, usize)> {
        let lengths = lines.par_iter().map(|line| self.encode(line).len()).enumerate();
        lengths.filter(|(_, length)| *length > MAX_POSITIONS).collect()
    }

    /// [`Translator::translate`] of encoded sources, each with its end-of-sentence symbol.
    ///
    /// # Errors
    /// See [`Translator::translate`].
    pub fn translate_ids(
        &self,
        sources: &[&[u32]],
        first_line: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Vec<Translation>>> {
        if let Some(place) = sources.iter().position(|ids| ids.len() > MAX_POSITIONS) {
            return Err(Error::input(format!(
                "line {}: {} subwords, but the model reads at most {MAX_POSITIONS}; split the line",
                first_line + place,
                sources[place].len()
            )));
        }
        let batches = batches(sources, self.config.max_tokens);
        let translated: Vec<Vec<Vec<Translation>>> = batches
            .par_iter()
            .map(|batch| {
                let found = self.search(&batch.iter().map(|&i| sources[i]).collect::<Vec<_>>());
                progress(batch.len() as u64);
                found
            })
            .collect();
        let mut in_order = vec![Vec::new(); sources.len()];
        for (place, translations) in batches.into_iter().flatten().zip(translated.into_iter().flatten()) {
            in_order[place] = translations;
        }
        Ok(in_order)
    }

    fn encode(&self, line: &str) -> Vec<u32> {
        let mut ids = match self.lowercase {
            true => self.source_subwords.encode(&line.to_lowercase()),
            false => self.source_subwords.encode(line),
        };
        ids.push(EOS);
        ids
    }

    fn search(&self, sources: &[&[u32]]) -> Vec<Vec<Translation>> {
        let hypotheses = beam_search(&self.model, &source_batch(sources), &self.config);
        let text = |ids: &[u32]| self.target_subwords.decode(&ids[..ids.len() - 1]);
        hypotheses
            .into_iter()
            .map(|best| best.into_iter().map(|h| Translation { text: text(&h.tokens), score: h.score }).collect())
            .collect()
    }
}

/// Places of sentences of like length, sentences × longest at most `max_tokens`, the longest batches first so that
/// parallel work ends together.
fn batches(encoded: &[&[u32]], max_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..encoded.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(encoded[i].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for place in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * encoded[batch[0]].len() <= max_tokens => batch.push(place),
            _ => batches.push(vec![place]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_each_sentence_once_within_the_limit() {
        let encoded: Vec<Vec<u32>> = [3, 9, 1, 5, 5, 2].iter().map(|&n| vec![7; n]).collect();
        let encoded: Vec<&[u32]> = encoded.iter().map(Vec::as_slice).collect();
        let batches = batches(&encoded, 10);
        let mut places: Vec<usize> = batches.iter().flatten().copied().collect();
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3, 4, 5]);
        assert_eq!(batches[0], [1]);
        assert!(batches.iter().all(|batch| batch.len() * encoded[batch[0]].len() <= 10));
    }
}
