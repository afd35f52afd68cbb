//! Text in, text out: sentences are encoded, batched by length, searched, decoded, and returned in their own order.

use super::beam::{Hypothesis, beam_search, length_limit};
use crate::config::TranslateConfig;
use crate::error::{Error, Result};
use crate::kernels::capabilities::sentences_stand_alone;
use crate::model::{MAX_POSITIONS, Transformer};
use crate::pool::deal;
use crate::text::{EOS, SubwordModel, source_batch};
use crate::white_space::is_blank;
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

/// That of a blank line.
const BLANK: Translation = Translation { text: String::new(), score: 0.0 };

impl Translator {
    /// The translations of each line, best first, at most `beam` each; blank lines stay blank. `progress` is told how many lines were finished.
    ///
    /// A line's translations depend on that line alone: on the CPU to the last bit; on graphics devices sums are taken in an
    /// order that depends on the lines beside it.
    ///
    /// # Errors
    /// A line has more subwords than the model has positions, or the model's numbers are not finite; the line is named by its
    /// number, counted from `first_line`.
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
            if is_blank(line) {
                best.fill(BLANK);
            }
        }
        Ok(translations)
    }

    /// Places of the lines that have more subwords than the model has positions, and how many.
    pub fn too_long(&self, lines: &[String]) -> Vec<(usize, usize)> {
        let lengths = lines.par_iter().map(|line| self.encode(line).len()).enumerate();
        lengths.filter(|(_, length)| *length > MAX_POSITIONS).collect()
    }

    /// [`Translator::translate`] of encoded sources, each with its end-of-sentence symbol. One that is of white space alone, or
    /// nothing else, is blank.
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
        // Padding would change the order of sums, and with it last bits. Where they differ anyway, fewer batches are faster.
        let one_length = sentences_stand_alone(&self.model.device());
        let (blank, filled): (Vec<usize>, Vec<usize>) = (0..sources.len()).partition(|&i| self.is_blank(sources[i]));
        progress(blank.len() as u64);
        // Not where a batch's company changes last bits: there it must not depend on the number of threads.
        let most = if one_length { filled.len().div_ceil(rayon::current_num_threads()) } else { usize::MAX };
        let batches = batches(sources, filled, most, self.config.max_tokens, one_length);
        let translated = deal(&batches, |batch| {
            let found = self.search(&batch.iter().map(|&i| sources[i]).collect::<Vec<_>>());
            progress(batch.len() as u64);
            found
        });
        let mut in_order = vec![None; sources.len()];
        for place in blank {
            in_order[place] = Some(vec![BLANK; self.config.beam]);
        }
        for (place, translations) in batches.into_iter().flatten().zip(translated.into_iter().flatten()) {
            in_order[place] = translations;
        }
        let not_finite = |place: usize| {
            let line = first_line + place;
            Error::failure(format!(
                "line {line}: the model's numbers are not finite: its weights are damaged, or its training diverged"
            ))
        };
        in_order.into_iter().enumerate().map(|(place, found)| found.ok_or_else(|| not_finite(place))).collect()
    }

    fn is_blank(&self, source: &[u32]) -> bool {
        source.len() <= 1 || self.source_subwords.decode(&source[..source.len() - 1]).trim().is_empty()
    }

    fn encode(&self, line: &str) -> Vec<u32> {
        let mut ids = match self.lowercase {
            true => self.source_subwords.encode(&line.to_lowercase()),
            false => self.source_subwords.encode(line),
        };
        ids.push(EOS);
        ids
    }

    /// See [`beam_search`].
    fn search(&self, sources: &[&[u32]]) -> Vec<Option<Vec<Translation>>> {
        let limits: Vec<usize> = sources.iter().map(|ids| length_limit(&self.config, ids.len())).collect();
        let hypotheses = beam_search(&self.model, &source_batch(sources), &limits, &self.config);
        let text = |ids: &[u32]| self.target_subwords.decode(&ids[..ids.len() - 1]);
        let translation = |h: Hypothesis| Translation { text: text(&h.tokens), score: h.score };
        hypotheses.into_iter().map(|best| Some(best?.into_iter().map(translation).collect())).collect()
    }
}

/// The `order`ed places of sentences of like length (of `one_length`, so that none is padded), at most `most` of them and
/// sentences × longest at most `max_tokens`. What takes longest comes first, so that threads that take one after the other end
/// together.
fn batches(
    encoded: &[&[u32]],
    mut order: Vec<usize>,
    most: usize,
    max_tokens: usize,
    one_length: bool,
) -> Vec<Vec<usize>> {
    order.sort_by_key(|&i| std::cmp::Reverse(encoded[i].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for place in order {
        let fits = |batch: &Vec<usize>| {
            let longest = encoded[batch[0]].len();
            batch.len() < most
                && (batch.len() + 1) * longest <= max_tokens
                && (!one_length || encoded[place].len() == longest)
        };
        match batches.last_mut() {
            Some(batch) if fits(batch) => batch.push(place),
            _ => batches.push(vec![place]),
        }
    }
    // Tokens of a batch stand for its time: a step for each of its length, with rows for each of its sentences.
    batches.sort_by_key(|batch| std::cmp::Reverse(batch.len() * encoded[batch[0]].len()));
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Precision;
    use crate::model::precision::Products;
    use crate::model::weights::leading_slice::LeadingSlice;
    use crate::model::{Supernet, TransformerConfig, Value};
    use crate::space::{Architecture, CrossAttention, Experts};
    use crate::text::Vocabulary;
    use burn::tensor::Device;
    use proptest::prelude::*;
    use rand::RngExt;

    #[test]
    fn batches_hold_each_sentence_once_within_the_limit() {
        let encoded: Vec<Vec<u32>> = [3, 9, 1, 5, 5, 2].iter().map(|&n| vec![7; n]).collect();
        let encoded: Vec<&[u32]> = encoded.iter().map(Vec::as_slice).collect();
        for (most, one_length, want) in [
            (6, false, vec![vec![3, 4], vec![1], vec![0, 5, 2]]),
            (6, true, vec![vec![3, 4], vec![1], vec![0], vec![5], vec![2]]),
            (2, false, vec![vec![3, 4], vec![1], vec![0, 5], vec![2]]),
            (1, true, vec![vec![1], vec![3], vec![4], vec![0], vec![5], vec![2]]),
        ] {
            assert_eq!(batches(&encoded, (0..6).collect(), most, 10, one_length), want);
        }
    }

    const VOCAB: u32 = 24;
    /// Of translation on processors that have instructions for them; the others compute the same, slowly.
    const PRECISIONS: [Precision; 3] = [Precision::Float32, Precision::Bfloat16, Precision::Int8];

    /// A translator with random weights times `scale`, its products in `precision`: experts with capacities, wide enough to be summed in pieces, and attention
    /// over two encoder layers.
    fn translator(scale: f32, precision: Precision) -> Translator {
        let mut architecture = Architecture::dense(16, 24, 2, 2, 2);
        let Architecture { encoder, decoder } = &mut architecture;
        for layer in encoder.layers.iter_mut().chain(&mut decoder.layers) {
            layer.experts = Some(Experts { ffn_dims: vec![600, 20, 0], top_k: 2 });
        }
        decoder.layers[0].cross_attention = Some(CrossAttention { heads: 2, encoder_layers: 2 });
        let mut config = TransformerConfig::new(architecture.clone(), VOCAB as usize);
        config.capacity_factor = 1.0;
        let mut supernet = Supernet::init(config, Arc::new(LeadingSlice), 3, &Device::flex());
        let mut random = crate::seed::stream(5, "test weights", 0);
        for value in supernet.values.values_mut() {
            let moved = value.to_vec().into_iter().map(|x| (x + random.random_range(-0.3..0.3)) * scale);
            *value = Value::from_vec(moved.collect(), &value.shape(), &Device::flex());
        }
        let tokens = (4..VOCAB).map(|token| format!("w{token}"));
        let subwords = Arc::new(SubwordModel::published(Vocabulary::from_tokens(tokens).unwrap(), None));
        Translator {
            model: supernet.cut(&architecture, false).unwrap().with_products(Products::new(precision, &Device::flex())),
            source_subwords: subwords.clone(),
            target_subwords: subwords,
            lowercase: false,
            config: TranslateConfig { beam: 3, max_len_a: 0.5, max_len_b: 2, ..TranslateConfig::default() },
        }
    }

    fn line(tokens: &[u32]) -> String {
        tokens.iter().map(|token| format!("w{token}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_that_are_not_finite_are_told_with_the_first_line() {
        let lines = [line(&[5, 6, 7]), line(&[9]), line(&[4, 4])];
        for precision in PRECISIONS {
            let error = translator(1e38, precision).translate(&lines, 7, &|_| ()).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            assert!(
                error.to_string().starts_with("line 7: the model's numbers are not finite"),
                "{precision}: {error}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_translation_depends_on_its_line_alone(
            lines in prop::collection::vec(prop::collection::vec(4..VOCAB, 1..14), 1..12),
            max_tokens in 1usize..80,
            precision in prop::sample::select(&PRECISIONS),
        ) {
            let mut translator = translator(1.0, precision);
            translator.config.max_tokens = max_tokens;
            let lines: Vec<String> = lines.iter().map(|tokens| line(tokens)).collect();
            let translate = |lines: &[String]| translator.translate(lines, 1, &|_| ()).unwrap();
            let together = translate(&lines);
            let alone: Vec<_> = lines.iter().flat_map(|line| translate(std::slice::from_ref(line))).collect();
            prop_assert_eq!(&together, &alone);
            let backwards: Vec<String> = lines.iter().rev().cloned().collect();
            prop_assert!(translate(&backwards).iter().rev().eq(&together));
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                prop_assert_eq!(&pool.install(|| translate(&lines)), &together);
            }
        }
    }
}
