//! Corpus BLEU (Papineni et al., 2002) as sacreBLEU computes it. Sentences are counted one by one and the counts add
//! up, so that a resampled or partial corpus can be scored without counting anew.

use std::collections::HashMap;
use std::fmt;

use super::bootstrap::Statistics;
use super::signature::{VERSION, case, check_line_counts, references_of, yes_no};
use super::smoothing::Smoothing;
use super::tokenize::{Tokenizer, compound_split};
use crate::error::{Error, Result};
use crate::white_space::{trim_end, words};

/// How BLEU is computed. The default is sacreBLEU's.
#[derive(Debug, Clone, PartialEq)]
pub struct BleuConfig {
    /// How lines are cut into words.
    pub tokenizer: Tokenizer,
    /// Whether hyphenated compounds are split after tokenisation: see [`compound_split`].
    pub compound_split: bool,
    /// What stands in for precisions without a match.
    pub smoothing: Smoothing,
    /// Whether case is ignored.
    pub lowercase: bool,
    /// The longest n-grams, 4 by convention.
    pub max_order: usize,
    /// Whether orders for which the hypotheses are too short are left out: for scores of single sentences.
    pub effective_order: bool,
}

impl Default for BleuConfig {
    fn default() -> Self {
        Self {
            tokenizer: Tokenizer::default(),
            compound_split: false,
            smoothing: Smoothing::default(),
            lowercase: false,
            max_order: 4,
            effective_order: false,
        }
    }
}

impl BleuConfig {
    /// sacreBLEU's signature for scores against that many reference sets.
    pub fn signature(&self, references: usize) -> String {
        format!(
            "nrefs:{references}|case:{}|eff:{}|tok:{}{}|smooth:{}|version:{VERSION}",
            case(self.lowercase),
            yes_no(self.effective_order),
            self.tokenizer,
            if self.compound_split { "+compound-split" } else { "" },
            self.smoothing
        )
    }

    fn check(&self) -> Result<()> {
        if self.max_order == 0 {
            return Err(Error::input("BLEU's max_order is 0: expected 1 or more"));
        }
        self.smoothing.check()
    }

    /// The line as BLEU sees it, with white space between words.
    fn prepare(&self, line: &str) -> String {
        let tokenized = if self.lowercase {
            self.tokenizer.tokenize(trim_end(&line.to_lowercase()))
        } else {
            self.tokenizer.tokenize(trim_end(line))
        };
        if self.compound_split { compound_split(&tokenized) } else { tokenized }
    }
}

/// What BLEU counts in one sentence or in several. Counts add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BleuStatistics {
    /// Words of the hypotheses.
    pub hypothesis_length: usize,
    /// Words of the references: for each sentence, of that whose length is closest.
    pub reference_length: usize,
    /// For each order from 1: n-grams of the hypotheses that the references have too.
    pub matches: Vec<usize>,
    /// For each order from 1: all n-grams of the hypotheses.
    pub totals: Vec<usize>,
}

impl BleuStatistics {
    /// Those of no sentence.
    pub fn new(max_order: usize) -> Self {
        Self { hypothesis_length: 0, reference_length: 0, matches: vec![0; max_order], totals: vec![0; max_order] }
    }

    /// Those of one hypothesis against all references of its sentence, of which there must be at least one for any
    /// length or match to count.
    pub fn of_sentence<'a>(
        hypothesis: &str,
        references: impl IntoIterator<Item = &'a str>,
        config: &BleuConfig,
    ) -> Self {
        let hypothesis = config.prepare(hypothesis);
        let hypothesis: Vec<&str> = words(&hypothesis).collect();
        let references: Vec<String> = references.into_iter().map(|line| config.prepare(line)).collect();
        let references: Vec<Vec<&str>> = references.iter().map(|line| words(line).collect()).collect();

        let mut statistics = Self::new(config.max_order);
        statistics.hypothesis_length = hypothesis.len();
        statistics.reference_length = references
            .iter()
            .map(Vec::len)
            .min_by_key(|length| (length.abs_diff(hypothesis.len()), *length))
            .unwrap_or(0);
        for order in 1..=config.max_order {
            let mut allowed: HashMap<&[&str], usize> = HashMap::new();
            for reference in &references {
                for (ngram, count) in count_ngrams(reference, order) {
                    let most = allowed.entry(ngram).or_default();
                    *most = count.max(*most);
                }
            }
            statistics.totals[order - 1] = (hypothesis.len() + 1).saturating_sub(order);
            statistics.matches[order - 1] = count_ngrams(&hypothesis, order)
                .into_iter()
                .map(|(ngram, count)| count.min(allowed.get(ngram).copied().unwrap_or(0)))
                .sum();
        }
        statistics
    }

    /// Those of each hypothesis, see [`bleu`].
    ///
    /// # Errors
    /// As [`bleu`].
    pub fn of_corpus(hypotheses: &[String], references: &[Vec<String>], config: &BleuConfig) -> Result<Vec<Self>> {
        config.check()?;
        check_line_counts(hypotheses, references)?;
        let of = |(index, hypothesis): (usize, &String)| {
            Self::of_sentence(hypothesis, references_of(references, index), config)
        };
        Ok(hypotheses.iter().enumerate().map(of).collect())
    }

    /// BLEU of the sentences counted, of which `references` sets of references were seen.
    pub fn score(&self, config: &BleuConfig, references: usize) -> Bleu {
        let lengths = (self.hypothesis_length as f64, self.reference_length as f64);
        let brevity_penalty = match lengths {
            (hypothesis, reference) if hypothesis >= reference => 1.0,
            (0.0, _) => 0.0,
            (hypothesis, reference) => (1.0 - reference / hypothesis).exp(),
        };
        let (precisions, orders) = self.precisions(config);
        // An order without matches or smoothing makes the mean of logarithms minus infinity and the score 0.
        let mean_log = precisions[..orders].iter().map(|p| p.ln()).sum::<f64>() / orders as f64;
        // A mean is at most the largest of its terms; rounded logarithms could lift it above.
        let largest = precisions.iter().copied().fold(0.0, f64::max);
        Bleu {
            score: brevity_penalty * mean_log.exp().min(largest),
            precisions,
            brevity_penalty,
            ratio: if self.reference_length == 0 { 0.0 } else { lengths.0 / lengths.1 },
            hypothesis_length: self.hypothesis_length,
            reference_length: self.reference_length,
            signature: config.signature(references),
        }
    }

    /// Smoothed precisions in per cent, and the number of orders that the score is the mean of.
    fn precisions(&self, config: &BleuConfig) -> (Vec<f64>, usize) {
        let mut precisions = vec![0.0; self.matches.len()];
        let mut orders = precisions.len();
        if self.matches.iter().all(|&count| count == 0) {
            return (precisions, orders);
        }
        let mut halved = 1.0;
        for (index, precision) in precisions.iter_mut().enumerate() {
            let added = match config.smoothing {
                Smoothing::AddK(value) if index > 0 => value,
                _ => 0.0,
            };
            let matches = self.matches[index] as f64 + added;
            let total = self.totals[index] as f64 + added;
            if total == 0.0 {
                break;
            }
            if config.effective_order {
                orders = index + 1;
            }
            *precision = if matches > 0.0 {
                (100.0 * matches / total).min(100.0)
            } else {
                match config.smoothing {
                    Smoothing::Exp => {
                        halved *= 2.0;
                        100.0 / (halved * total)
                    }
                    Smoothing::Floor(value) => 100.0 * value / total,
                    Smoothing::AddK(_) | Smoothing::None => 0.0,
                }
            };
        }
        (precisions, orders)
    }
}

impl Statistics for BleuStatistics {
    fn merge(&mut self, other: &Self) {
        self.hypothesis_length += other.hypothesis_length;
        self.reference_length += other.reference_length;
        for (sum, count) in self.matches.iter_mut().zip(&other.matches) {
            *sum += count;
        }
        for (sum, count) in self.totals.iter_mut().zip(&other.totals) {
            *sum += count;
        }
    }
}

/// How often each n-gram of that order occurs.
fn count_ngrams<'a, 'b>(words: &'b [&'a str], order: usize) -> HashMap<&'b [&'a str], usize> {
    let mut counts = HashMap::new();
    for ngram in words.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// A corpus's BLEU and what it is made of. Its `Display` is sacreBLEU's line.
#[derive(Debug, Clone, PartialEq)]
pub struct Bleu {
    /// BLEU, 0 to 100.
    pub score: f64,
    /// Precision of each order from 1, smoothed, in per cent.
    pub precisions: Vec<f64>,
    /// The penalty for hypotheses shorter than their references, 0 to 1.
    pub brevity_penalty: f64,
    /// Length of the hypotheses over that of the references; 0 if these are empty.
    pub ratio: f64,
    /// Words of the hypotheses.
    pub hypothesis_length: usize,
    /// Words of the references: for each sentence, of that whose length is closest.
    pub reference_length: usize,
    /// How it was computed: [`BleuConfig::signature`].
    pub signature: String,
}

impl fmt::Display for Bleu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precisions: Vec<String> = self.precisions.iter().map(|p| format!("{p:.1}")).collect();
        write!(
            f,
            "BLEU|{} = {:.2} {} (BP = {:.3} ratio = {:.3} hyp_len = {} ref_len = {})",
            self.signature,
            self.score,
            precisions.join("/"),
            self.brevity_penalty,
            self.ratio,
            self.hypothesis_length,
            self.reference_length
        )
    }
}

/// Corpus BLEU of the hypotheses against one or several sets of references, each with a line for each hypothesis.
///
/// # Errors
/// No hypotheses, no references, a set with another number of lines, or a configuration out of range.
pub fn bleu(hypotheses: &[String], references: &[Vec<String>], config: &BleuConfig) -> Result<Bleu> {
    let sentences = BleuStatistics::of_corpus(hypotheses, references, config)?;
    let corpus = BleuStatistics::new(config.max_order).with_all(&sentences);
    Ok(corpus.score(config, references.len()))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn the_papers_example_of_clipping() {
        // Papineni et al., section 2.1: "the" counts twice at most, though the hypothesis has it seven times.
        let statistics = BleuStatistics::of_sentence(
            "the the the the the the the",
            ["the cat is on the mat", "there is a cat on the mat"],
            &BleuConfig::default(),
        );
        assert_eq!(statistics.matches, [2, 0, 0, 0]);
        assert_eq!(statistics.totals, [7, 6, 5, 4]);
        assert_eq!(statistics.reference_length, 7);
    }

    #[test]
    fn nothing_to_score_is_an_error() {
        assert!(bleu(&[], &[vec![]], &BleuConfig::default()).is_err());
        assert!(bleu(&lines(&["a b c d"]), &[], &BleuConfig::default()).is_err());
    }

    #[test]
    fn a_perfect_corpus_scores_100_and_prints_sacrebleus_line() {
        let corpus = lines(&["One two three four.", ""]);
        let bleu = bleu(&corpus, from_ref(&corpus), &BleuConfig::default()).unwrap();
        assert_eq!(
            bleu.to_string(),
            format!(
                "BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{VERSION} = 100.00 \
                 100.0/100.0/100.0/100.0 (BP = 1.000 ratio = 1.000 hyp_len = 5 ref_len = 5)"
            )
        );
    }

    #[test]
    fn no_perfect_score_is_above_100() {
        for words in 1..40 {
            let corpus = lines(&[&"word ".repeat(words)]);
            for smoothing in [Smoothing::Exp, Smoothing::AddK(0.1), Smoothing::AddK(1.0)] {
                for (max_order, effective_order) in [(4, false), (4, true), (3, true), (1, false)] {
                    let config = BleuConfig { smoothing, max_order, effective_order, ..BleuConfig::default() };
                    let bleu = bleu(&corpus, from_ref(&corpus), &config).unwrap();
                    let what = format!("{words} words, {config:?}: {bleu:?}");
                    assert!(bleu.precisions.iter().all(|&precision| precision <= 100.0), "{what}");
                    assert!(bleu.score <= 100.0 && (words < max_order || bleu.score == 100.0), "{what}");
                }
            }
        }
    }

    #[test]
    fn compound_splitting_rewards_half_a_compound() {
        let (hypothesis, reference) = (lines(&["a solar-powered car"]), lines(&["a wind-powered car"]));
        let mut config = BleuConfig { tokenizer: Tokenizer::None, max_order: 1, ..BleuConfig::default() };
        let whole = bleu(&hypothesis, from_ref(&reference), &config).unwrap();
        config.compound_split = true;
        let split = bleu(&hypothesis, from_ref(&reference), &config).unwrap();
        assert!((whole.score - 100.0 * 2.0 / 3.0).abs() < 1e-9);
        assert!((split.score - 100.0 * 4.0 / 5.0).abs() < 1e-9);
        assert!(split.signature.contains("|tok:none+compound-split|"));
    }

    #[test]
    fn statistics_add_up_in_any_order() {
        let config = BleuConfig::default();
        let count = |hypothesis, reference| BleuStatistics::of_sentence(hypothesis, [reference], &config);
        let (a, b) = (count("a b c d e", "a b c d f"), count("g h", "g h i"));
        let mut ab = a.clone();
        ab.merge(&b);
        let mut ba = b.clone();
        ba.merge(&a);
        assert_eq!(ab, ba);
        let corpus = bleu(&lines(&["a b c d e", "g h"]), &[lines(&["a b c d f", "g h i"])], &config);
        assert_eq!(corpus.unwrap(), ab.score(&config, 1));
    }

    #[test]
    fn configurations_out_of_range_are_refused() {
        let corpus = lines(&["a"]);
        for config in [
            BleuConfig { max_order: 0, ..BleuConfig::default() },
            BleuConfig { smoothing: Smoothing::Floor(-1.0), ..BleuConfig::default() },
            BleuConfig { smoothing: Smoothing::AddK(f64::NAN), ..BleuConfig::default() },
        ] {
            let error = bleu(&corpus, from_ref(&corpus), &config).unwrap_err();
            assert_eq!(error.exit_code(), 2);
        }
    }
}
