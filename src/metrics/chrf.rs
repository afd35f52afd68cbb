//! Corpus chrF and chrF++ (Popović, 2015 and 2017) as sacreBLEU computes them.

use std::fmt;

use super::bootstrap::Statistics;
use super::signature::{VERSION, case, check_line_counts, references_of, yes_no};
use crate::error::{Error, Result};
use crate::white_space::words;

/// How chrF is computed. The default is sacreBLEU's: chrF2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChrfConfig {
    /// The longest n-grams of characters.
    pub char_order: usize,
    /// The longest n-grams of words: 0 for chrF, 2 for chrF++.
    pub word_order: usize,
    /// How many times as much recall weighs as precision.
    pub beta: u32,
    /// Whether case is ignored.
    pub lowercase: bool,
    /// Whether white space is part of n-grams of characters.
    pub whitespace: bool,
    /// Whether the score is the mean of each order's F score, with a tiny number in place of nothing, as in
    /// `chrF++.py`; by default it is the F score of mean precision and recall over the orders that occur.
    pub eps_smoothing: bool,
}

impl Default for ChrfConfig {
    fn default() -> Self {
        Self { char_order: 6, word_order: 0, beta: 2, lowercase: false, whitespace: false, eps_smoothing: false }
    }
}

impl ChrfConfig {
    /// The metric's name: `chrF2`, or `chrF2++` with n-grams of two words.
    pub fn name(&self) -> String {
        format!("chrF{}{}", self.beta, "+".repeat(self.word_order))
    }

    /// sacreBLEU's signature for scores against that many reference sets.
    pub fn signature(&self, references: usize) -> String {
        format!(
            "nrefs:{references}|case:{}|eff:{}|nc:{}|nw:{}|space:{}|version:{VERSION}",
            case(self.lowercase),
            yes_no(!self.eps_smoothing),
            self.char_order,
            self.word_order,
            yes_no(self.whitespace)
        )
    }
}

/// A corpus's chrF. Its `Display` is sacreBLEU's line.
#[derive(Debug, Clone, PartialEq)]
pub struct Chrf {
    /// chrF, 0 to 100.
    pub score: f64,
    /// The metric's name: [`ChrfConfig::name`].
    pub name: String,
    /// How it was computed: [`ChrfConfig::signature`].
    pub signature: String,
}

impl fmt::Display for Chrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{} = {:.2}", self.name, self.signature, self.score)
    }
}

/// Corpus chrF of the hypotheses against one or several sets of references, each with a line for each hypothesis. Of
/// a sentence's references the one with the best F score counts.
///
/// # Errors
/// No hypotheses, no references, a set with another number of lines, or n-grams of no order at all.
pub fn chrf(hypotheses: &[String], references: &[Vec<String>], config: &ChrfConfig) -> Result<Chrf> {
    let corpus = ChrfStatistics::new(config).with_all(&ChrfStatistics::of_corpus(hypotheses, references, config)?);
    Ok(Chrf { score: corpus.score(config), name: config.name(), signature: config.signature(references.len()) })
}

/// What chrF counts in one sentence or in several, order by order, characters first. Counts add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChrfStatistics(Vec<Counts>);

impl ChrfStatistics {
    /// Those of no sentence.
    pub fn new(config: &ChrfConfig) -> Self {
        Self(vec![Counts::default(); config.char_order + config.word_order])
    }

    /// Those of each hypothesis, see [`chrf`].
    ///
    /// # Errors
    /// As [`chrf`].
    pub fn of_corpus(hypotheses: &[String], references: &[Vec<String>], config: &ChrfConfig) -> Result<Vec<Self>> {
        if config.char_order + config.word_order == 0 {
            return Err(Error::input("chrF's char_order and word_order are both 0: expected 1 or more"));
        }
        check_line_counts(hypotheses, references)?;
        let of = |(index, hypothesis): (usize, &String)| {
            Self(best_counts(hypothesis, references_of(references, index), config))
        };
        Ok(hypotheses.iter().enumerate().map(of).collect())
    }

    /// chrF of the sentences counted, 0 to 100.
    pub fn score(&self, config: &ChrfConfig) -> f64 {
        f_score(&self.0, config)
    }
}

impl Statistics for ChrfStatistics {
    fn merge(&mut self, other: &Self) {
        for (sum, counts) in self.0.iter_mut().zip(&other.0) {
            sum.hypothesis += counts.hypothesis;
            sum.reference += counts.reference;
            sum.matches += counts.matches;
        }
    }
}

/// How many n-grams of one order there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    hypothesis: usize,
    reference: usize,
    matches: usize,
}

/// A line's characters and words, ready for n-grams.
struct Segment {
    characters: Vec<char>,
    words: Vec<String>,
}

impl Segment {
    fn new(line: &str, config: &ChrfConfig) -> Self {
        let line = if config.lowercase { line.to_lowercase() } else { line.to_string() };
        Self {
            characters: if config.whitespace {
                line.chars().collect()
            } else {
                words(&line).flat_map(str::chars).collect()
            },
            words: if config.word_order > 0 {
                words(&line)
                    .map(split_punctuation)
                    .flat_map(|(head, tail)| [head, tail])
                    .filter(|part| !part.is_empty())
                    .map(str::to_string)
                    .collect()
            } else {
                Vec::new()
            },
        }
    }
}

/// The word parted from the ASCII punctuation mark at its end or else at its beginning: one at most, as in sacreBLEU.
/// The second part is empty if there is none.
fn split_punctuation(word: &str) -> (&str, &str) {
    let is_mark = |character: char| character.is_ascii_punctuation();
    if word.chars().nth(1).is_none() {
        (word, "")
    } else if word.ends_with(is_mark) {
        word.split_at(word.len() - 1)
    } else if word.starts_with(is_mark) {
        word.split_at(1)
    } else {
        (word, "")
    }
}

/// Counts of each order, characters first, against the reference with the best F score (the first of equals).
fn best_counts<'a>(hypothesis: &str, references: impl Iterator<Item = &'a str>, config: &ChrfConfig) -> Vec<Counts> {
    let hypothesis = Segment::new(hypothesis, config);
    let hypothesis_characters = sorted_ngrams(&hypothesis.characters, config.char_order);
    let hypothesis_words = sorted_ngrams(&hypothesis.words, config.word_order);
    let mut best = (-1.0, Vec::new());
    for reference in references {
        let reference = Segment::new(reference, config);
        let characters = sorted_ngrams(&reference.characters, config.char_order);
        let words = sorted_ngrams(&reference.words, config.word_order);
        let counts: Vec<Counts> = (1..=config.char_order)
            .map(|order| count(&hypothesis_characters, &characters, order))
            .chain((1..=config.word_order).map(|order| count(&hypothesis_words, &words, order)))
            .collect();
        let score = f_score(&counts, config);
        if score > best.0 {
            best = (score, counts);
        }
    }
    best.1
}

/// The longest n-gram, up to `max_order`, from each position, sorted. Cut to any shorter length they are sorted still.
fn sorted_ngrams<T: Ord>(items: &[T], max_order: usize) -> Vec<&[T]> {
    let mut ngrams: Vec<&[T]> =
        (0..items.len()).map(|start| &items[start..]).map(|rest| &rest[..rest.len().min(max_order)]).collect();
    ngrams.sort_unstable();
    ngrams
}

/// Counts n-grams of one order among [`sorted_ngrams`]; those of the hypothesis only if the reference has any.
fn count<T: Ord>(hypothesis: &[&[T]], reference: &[&[T]], order: usize) -> Counts {
    let hypothesis: Vec<&[T]> = hypothesis.iter().filter_map(|ngram| ngram.get(..order)).collect();
    let reference: Vec<&[T]> = reference.iter().filter_map(|ngram| ngram.get(..order)).collect();
    Counts {
        hypothesis: if reference.is_empty() { 0 } else { hypothesis.len() },
        reference: reference.len(),
        matches: common(&hypothesis, &reference),
    }
}

/// How many elements two sorted lists have in common, each as often as it is in both.
fn common<T: Ord>(left: &[T], right: &[T]) -> usize {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        match left[i].cmp(&right[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    common
}

/// The F score of the counts, 0 to 100.
fn f_score(counts: &[Counts], config: &ChrfConfig) -> f64 {
    const EPSILON: f64 = 1e-16;
    let weight = f64::from(config.beta).powi(2);
    let f = |precision: f64, recall: f64| (1.0 + weight) * precision * recall / (weight * precision + recall);
    if config.eps_smoothing {
        let share = |matches: usize, of: usize| match of {
            0 => EPSILON,
            _ => matches as f64 / of as f64,
        };
        let sum: f64 = counts
            .iter()
            .map(|c| {
                let precision = share(c.matches, c.hypothesis);
                let recall = share(c.matches, c.reference);
                if weight * precision + recall > 0.0 { f(precision, recall) } else { EPSILON }
            })
            .sum();
        return 100.0 * sum / counts.len() as f64;
    }
    let present: Vec<&Counts> = counts.iter().filter(|c| c.hypothesis > 0 && c.reference > 0).collect();
    let mean = |of: fn(&Counts) -> usize| {
        let sum: f64 = present.iter().map(|c| c.matches as f64 / of(c) as f64).sum();
        sum / present.len() as f64
    };
    if present.iter().all(|c| c.matches == 0) {
        return 0.0;
    }
    100.0 * f(mean(|c| c.hypothesis), mean(|c| c.reference))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| line.to_string()).collect()
    }

    #[test]
    fn nothing_to_score_is_an_error() {
        assert!(chrf(&[], &[vec![]], &ChrfConfig::default()).is_err());
        assert!(chrf(&lines(&["a b c d"]), &[], &ChrfConfig::default()).is_err());
    }

    #[test]
    fn a_perfect_corpus_scores_100_and_prints_sacrebleus_line() {
        let corpus = lines(&["One two three.", ""]);
        let config = ChrfConfig { word_order: 2, ..ChrfConfig::default() };
        let chrf = chrf(&corpus, from_ref(&corpus), &config).unwrap();
        assert_eq!(
            chrf.to_string(),
            format!("chrF2++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:{VERSION} = 100.00")
        );
    }

    #[test]
    fn recall_weighs_more_than_precision() {
        let config = ChrfConfig { char_order: 1, ..ChrfConfig::default() };
        let score = |hypothesis, reference| chrf(&lines(&[hypothesis]), &[lines(&[reference])], &config).unwrap().score;
        // precision 1 and recall 1/2: 5 · 1 · 0.5 / (4 · 1 + 0.5); and the other way round
        assert!((score("ab", "abcd") - 100.0 * 2.5 / 4.5).abs() < 1e-9);
        assert!((score("abcd", "ab") - 100.0 * 2.5 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn one_mark_at_the_end_or_beginning_is_split_off() {
        for (word, parts) in [
            ("(hi)", ("(hi", ")")),
            ("(hi", ("(", "hi")),
            ("hi", ("hi", "")),
            ("!", ("!", "")),
            ("é!", ("é", "!")),
            ("„hi“", ("„hi“", "")),
        ] {
            assert_eq!(split_punctuation(word), parts);
        }
    }

    #[test]
    fn no_order_at_all_is_refused() {
        let config = ChrfConfig { char_order: 0, ..ChrfConfig::default() };
        let error = chrf(&lines(&["a"]), &[lines(&["a"])], &config).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
