//! What BLEU and chrF share: which lines they score, and the fields of their signatures.

use crate::error::{Error, Result};

/// What a signature gives as its version: this program's, since sacreBLEU did not compute the score.
pub(super) const VERSION: &str = concat!("automoe-", env!("CARGO_PKG_VERSION"));

/// Checks that there is something to score and that every reference set has a line for each hypothesis.
pub(super) fn check_line_counts(hypotheses: &[String], references: &[Vec<String>]) -> Result<()> {
    if hypotheses.is_empty() {
        return Err(Error::input("there are no hypotheses to score"));
    }
    if references.is_empty() {
        return Err(Error::input("there are no references to score against"));
    }
    for (index, set) in references.iter().enumerate() {
        if set.len() != hypotheses.len() {
            return Err(Error::input(format!(
                "{} hypotheses, but reference set {} has {} lines: both need one line a sentence",
                hypotheses.len(),
                index + 1,
                set.len()
            )));
        }
    }
    Ok(())
}

/// The references of the sentence at `index`, one from each set.
pub(super) fn references_of(references: &[Vec<String>], index: usize) -> impl Iterator<Item = &str> {
    references.iter().map(move |set| set[index].as_str())
}

/// `yes` or `no`, as signatures write it.
pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// The signature's `case` field.
pub(super) fn case(lowercase: bool) -> &'static str {
    if lowercase { "lc" } else { "mixed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_counts_that_differ_are_both_named() {
        let lines = |count| vec!["a b c d".to_string(); count];
        let error = check_line_counts(&lines(3), &[lines(3), lines(5)]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.to_string(), "3 hypotheses, but reference set 2 has 5 lines: both need one line a sentence");
    }
}
