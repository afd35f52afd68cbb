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
    /// Most tokens of a hypothesis before its end of sentence.
    limit: usize,
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

/// Most tokens of a hypothesis, the end of the sentence left aside, for a source of `source_len` tokens with its own.
pub fn length_limit(config: &TranslateConfig, source_len: usize) -> usize {
    let limit = ((config.max_len_a * source_len as f64) as usize).saturating_add(config.max_len_b);
    limit.min(MAX_POSITIONS - 1)
}

/// The `config.beam` best translations of each source, best first; fewer where within the source's limit there are no more,
/// and `None` where the model's numbers are not finite. `limits` holds what [`length_limit`] gives, for each source.
///
/// What is beside a source changes at most the order of sums over its padding. On the CPU a source in a batch of its length
/// has the same bits as by itself.
pub fn beam_search(
    model: &Transformer,
    source: &SourceBatch,
    limits: &[usize],
    config: &TranslateConfig,
) -> Vec<Option<Vec<Hypothesis>>> {
    let mut pass = Pass::inference();
    let memory = model.encode(&source.source, source.sentences, &mut pass);
    let mut cache = model.start(&memory);
    let mut done = vec![None; source.sentences];
    let mut open: Vec<Open> = (limits.iter().enumerate())
        .map(|(index, &limit)| Open { index, limit, partial: vec![Partial::default()], finished: Vec::new() })
        .collect();
    let mut step = 0;
    while !open.is_empty() {
        let last: Vec<u32> = rows(&open).map(|partial| partial.tokens.last().copied().unwrap_or(EOS)).collect();
        let logits = model.step(&last, step, &mut cache, &mut pass);
        let mut logits = device::to_host(logits);
        let sentences = open.len();
        let found = continuations(&open, &mut logits, step, config);
        let (mut start, mut kept_rows, mut kept_sentences) = (0, Vec::new(), Vec::new());
        let mut still_open = Vec::with_capacity(open.len());
        for ((place, mut sentence), found) in open.into_iter().enumerate().zip(found) {
            let end = start + sentence.partial.len();
            if let Some(found) = found {
                let parents = sentence.advance(&found, config);
                if sentence.finished.len() == config.beam || step == sentence.limit {
                    let index = sentence.index;
                    done[index] = Some(sentence.sorted());
                } else {
                    kept_rows.extend(parents.iter().map(|row| (start + row) as u32));
                    kept_sentences.push(place as u32);
                    still_open.push(sentence);
                }
            }
            start = end;
        }
        let shrunk = still_open.len() < sentences;
        open = still_open;
        step += 1;
        if !open.is_empty() {
            cache.select(&kept_rows, shrunk.then_some(&kept_sentences[..]), &model.device());
        }
    }
    done
}

/// The best continuations of each sentence at `step`, twice as many as the beam, or `None` where the model's numbers are not
/// finite; `logits` holds a row of the vocabulary for each hypothesis.
fn continuations(
    open: &[Open],
    logits: &mut [f32],
    step: usize,
    config: &TranslateConfig,
) -> Vec<Option<Vec<Continuation>>> {
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
        let allowed = match step {
            _ if step == sentence.limit => Allowed::End,
            _ if step < config.min_len => Allowed::NotEnd,
            _ => Allowed::All,
        };
        best(logits, &totals, 2 * config.beam, allowed)
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
