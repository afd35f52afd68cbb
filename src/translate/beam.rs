//! Beam search as fairseq 0.9 does it: each step takes the best 2·beam continuations of a sentence; an end of sentence among
//! the first beam of them finishes a hypothesis, and the best beam others go on.

use super::candidates::{Allowed, Continuation, best};
use crate::config::TranslateConfig;
use crate::device;
use crate::model::{MAX_POSITIONS, Pass, Transformer};
use crate::text::{EOS, SourceBatch};
use rayon::prelude::*;

/// A finished translation.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Ids, the end of the sentence last.
    pub tokens: Vec<u32>,
    /// Σ log p / length^length_penalty, the end of the sentence counted.
    pub score: f64,
    /// Log-probability of each token.
    pub token_scores: Vec<f32>,
}

/// A sentence that is not finished.
struct Open {
    /// Its place in the batch that was asked for.
    index: usize,
    /// Hypotheses that go on, best first.
    partial: Vec<Partial>,
    finished: Vec<Hypothesis>,
}

#[derive(Clone, Default)]
struct Partial {
    tokens: Vec<u32>,
    token_scores: Vec<f32>,
    total: f32,
}

/// The `config.beam` best translations of each source, best first.
pub fn beam_search(model: &Transformer, source: &SourceBatch, config: &TranslateConfig) -> Vec<Vec<Hypothesis>> {
    let mut pass = Pass::inference();
    let memory = model.encode(&source.source, source.sentences, &mut pass);
    let mut cache = model.start(&memory);
    let max_len = ((config.max_len_a * source.source_len as f64) as usize).saturating_add(config.max_len_b);
    let max_len = max_len.min(MAX_POSITIONS - 1);
    let mut done = vec![Vec::new(); source.sentences];
    let mut open: Vec<Open> = (0..source.sentences)
        .map(|index| Open { index, partial: vec![Partial::default()], finished: Vec::new() })
        .collect();
    for step in 0..=max_len {
        let last: Vec<u32> = rows(&open).map(|partial| partial.tokens.last().copied().unwrap_or(EOS)).collect();
        let logits = model.step(&last, step, &mut cache, &mut pass);
        let mut logits = device::to_host(logits);
        let allowed = match step {
            _ if step == max_len => Allowed::End,
            _ if step < config.min_len => Allowed::NotEnd,
            _ => Allowed::All,
        };
        let sentences = open.len();
        let found = continuations(&open, &mut logits, 2 * config.beam, allowed);
        let (mut start, mut kept_rows, mut kept_sentences) = (0, Vec::new(), Vec::new());
        let mut still_open = Vec::with_capacity(open.len());
        for ((place, mut sentence), found) in open.into_iter().enumerate().zip(found) {
            let end = start + sentence.partial.len();
            let parents = sentence.advance(&found, config);
            // Nothing is found where the model's numbers are not finite.
            if sentence.finished.len() == config.beam || step == max_len || found.is_empty() {
                let index = sentence.index;
                done[index] = sentence.sorted();
            } else {
                kept_rows.extend(parents.iter().map(|row| (start + row) as u32));
                kept_sentences.push(place as u32);
                still_open.push(sentence);
            }
            start = end;
        }
        let shrunk = still_open.len() < sentences;
        open = still_open;
        if open.is_empty() {
            break;
        }
        let device = model.device();
        cache.select(&kept_rows, shrunk.then_some(&kept_sentences[..]), &device);
    }
    done
}

/// The `count` best continuations of each sentence; `logits` holds a row of the vocabulary for each hypothesis.
fn continuations(open: &[Open], logits: &mut [f32], count: usize, allowed: Allowed) -> Vec<Vec<Continuation>> {
    let rows: usize = open.iter().map(|sentence| sentence.partial.len()).sum();
    let vocab = logits.len() / rows;
    let mut rest = logits;
    let parts = open.iter().map(|sentence| {
        let (part, others) = std::mem::take(&mut rest).split_at_mut(sentence.partial.len() * vocab);
        rest = others;
        (sentence, part)
    });
    let parts: Vec<_> = parts.collect();
    let best = |(sentence, logits): (&Open, &mut [f32])| {
        let totals: Vec<f32> = sentence.partial.iter().map(|partial| partial.total).collect();
        best(logits, &totals, count, allowed)
    };
    parts.into_par_iter().map(best).collect()
}

impl Open {
    /// Takes the best continuations, best first, and returns the rows that the new hypotheses continue.
    fn advance(&mut self, found: &[Continuation], config: &TranslateConfig) -> Vec<usize> {
        let beam = config.beam;
        for end in found.iter().take(beam).filter(|continuation| continuation.token == EOS) {
            if self.finished.len() < beam {
                let hypothesis = self.partial[end.row].extended(end);
                self.finished.push(hypothesis.finish(config.length_penalty));
            }
        }
        let going_on = found.iter().filter(|continuation| continuation.token != EOS).take(beam);
        let (parents, partial) = going_on
            .map(|continuation| (continuation.row, self.partial[continuation.row].extended(continuation)))
            .unzip();
        self.partial = partial;
        parents
    }

    /// The finished hypotheses, best first; equal ones in the order in which they finished.
    fn sorted(mut self) -> Vec<Hypothesis> {
        self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.finished
    }
}

impl Partial {
    fn extended(&self, continuation: &Continuation) -> Self {
        let mut longer = self.clone();
        longer.tokens.push(continuation.token);
        longer.token_scores.push(continuation.log_probability);
        longer.total = continuation.total;
        longer
    }

    fn finish(self, length_penalty: f64) -> Hypothesis {
        let score = f64::from(self.total) / (self.tokens.len() as f64).powf(length_penalty);
        Hypothesis { tokens: self.tokens, score, token_scores: self.token_scores }
    }
}

fn rows(open: &[Open]) -> impl Iterator<Item = &Partial> {
    open.iter().flat_map(|sentence| &sentence.partial)
}
