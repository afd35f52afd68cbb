//! Subword codes of subword-nmt (Sennrich et al., 2016), by which the published WMT and IWSLT vocabularies were made, and of
//! fastBPE.
//!
//! Segmentation is that of `subword-nmt apply-bpe` without vocabulary, glossaries and dropout, and that of `fast applybpe`.

use crate::bounded::read_with;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::Path;

/// Marks a subword that does not end its word.
const SEPARATOR: &str = "@@";
/// Marks the end of a word within the codes.
const END: &str = "</w>";
/// The largest file of codes that is read, in bytes.
const MAX_BYTES: u64 = 1 << 26;

/// Merges learned by `subword-nmt learn-bpe` or `fast learnbpe`.
#[derive(Debug, Clone)]
pub struct BpeCodes {
    /// By left and right symbol, the merge's rank; lower ranks merge first.
    ranks: HashMap<String, HashMap<String, usize>>,
    /// Whether the end of a word is part of its last character (version 0.2) or a symbol of its own (0.1).
    end_joins_last: bool,
}

impl BpeCodes {
    /// Reads a file of codes: `#version: 0.2`, then a merge a line, its two symbols parted by one space; or fastBPE's, without
    /// a version, where a third column counts how often the merge was there.
    ///
    /// # Errors
    /// If the file cannot be read, is not UTF-8, has another version, or a line without exactly two symbols.
    pub fn load(path: &Path) -> Result<Self> {
        read_with(path, MAX_BYTES, Self::parse)
    }

    /// As [`BpeCodes::load`], from the file's text. Without a version line the version is 0.1, zeros at a version's end do not
    /// count, and of a merge that is there twice the first counts, as in subword-nmt. fastBPE joins the end of a word to its
    /// last character, as version 0.2 does.
    ///
    /// # Errors
    /// If the version is another, or a line lacks its two symbols.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.trim_end_matches(['\n', '\r']).split('\n').zip(1..).peekable();
        let version = lines.next_if(|(line, _)| line.starts_with("#version:"));
        let has_counts = lines.peek().is_some_and(|(line, _)| columns(line).len() == 3);
        let end_joins_last = match version.and_then(|(line, _)| line.split_whitespace().last()) {
            None => has_counts,
            Some(version) => match numbers(version).as_deref() {
                Some([0, 1]) => false,
                Some([0, 2]) => true,
                _ => return Err(Error::input(format!("line 1: version {version} where 0.1 or 0.2 is known"))),
            },
        };
        let mut ranks: HashMap<String, HashMap<String, usize>> = HashMap::new();
        for (rank, (line, number)) in lines.enumerate() {
            let columns = columns(line);
            let (left, right) = match columns.as_slice() {
                [left, right] if !has_counts => (left, right),
                [left, right, count] if has_counts && count.parse::<u64>().is_ok() => (left, right),
                _ => {
                    let and_count = if has_counts { " and a count," } else { "" };
                    return Err(Error::input(format!(
                        "line {number}: expected two symbols{and_count} parted by one space, found {}",
                        columns.len()
                    )));
                }
            };
            if number == 1 && right.parse::<u64>().is_ok() && left.parse::<u64>().is_err() {
                return Err(Error::input("line 1: a token and its count: this is a dictionary, expected codes"));
            }
            let after = ranks.entry(left.to_string()).or_default();
            after.entry(right.to_string()).or_insert(rank);
        }
        Ok(Self { ranks, end_joins_last })
    }

    /// The text of a file of these codes: [`BpeCodes::parse`] of it gives codes that segment alike.
    pub fn to_text(&self) -> String {
        let mut merges: Vec<(usize, &str, &str)> = Vec::new();
        for (left, after) in &self.ranks {
            merges.extend(after.iter().map(|(right, &rank)| (rank, left.as_str(), right.as_str())));
        }
        merges.sort_unstable();
        let version = if self.end_joins_last { "0.2" } else { "0.1" };
        let mut text = format!("#version: {version}\n");
        for (_, left, right) in merges {
            text.extend([left, " ", right, "\n"]);
        }
        text
    }

    /// The subwords of a line of words parted by spaces; all but a word's last end in `@@`.
    pub fn encode_line(&self, line: &str) -> Vec<String> {
        let words = line.trim_matches(['\r', '\n', ' ']).split(' ');
        words
            .filter(|word| !word.is_empty())
            .flat_map(|word| {
                let mut pieces = self.encode_word(word);
                let inner = pieces.len() - 1;
                for piece in &mut pieces[..inner] {
                    piece.push_str(SEPARATOR);
                }
                pieces
            })
            .collect()
    }

    /// The subwords of one word, at least one.
    fn encode_word(&self, word: &str) -> Vec<String> {
        let mut pieces: Vec<String> = word.chars().map(String::from).collect();
        if pieces.len() <= 1 {
            return pieces;
        }
        match pieces.last_mut() {
            Some(last) if self.end_joins_last => last.push_str(END),
            _ => pieces.push(END.to_string()),
        }
        while let Some(first) = self.best_pair(&pieces) {
            pieces = merge_all(pieces, first);
        }
        match pieces.pop() {
            Some(end) if end == END => {}
            Some(last) => pieces.push(last.strip_suffix(END).unwrap_or(&last).to_string()),
            None => {}
        }
        pieces
    }

    /// Where the pair of lowest rank first stands.
    fn best_pair(&self, pieces: &[String]) -> Option<usize> {
        let pairs = pieces.windows(2).enumerate();
        let ranked = pairs.filter_map(|(at, pair)| Some((*self.ranks.get(&pair[0])?.get(&pair[1])?, at)));
        ranked.min().map(|(_, at)| at)
    }
}

/// What single spaces part in a line of codes.
fn columns(line: &str) -> Vec<&str> {
    line.trim_matches(['\r', '\n', ' ']).split(' ').collect()
}

/// The numbers of a version, without zeros at its end, which subword-nmt leaves out as well.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let mut numbers: Vec<u32> = version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    while numbers.pop_if(|last| *last == 0).is_some() {}
    Some(numbers)
}

/// Joins subwords back to a line of words: every `@@ ` goes, as does a mark at the end of the line.
pub fn decode(pieces: &[impl AsRef<str>]) -> String {
    let mut line = String::new();
    for piece in pieces {
        line.push_str(piece.as_ref());
        line.push(' ');
    }
    let line = line.replace("@@ ", "");
    line.trim_end().to_string()
}

/// Merges every pair equal to the one at `first`, from left to right; none of them stands before it.
fn merge_all(pieces: Vec<String>, first: usize) -> Vec<String> {
    let (left, right) = (pieces[first].clone(), pieces[first + 1].clone());
    let mut merged = Vec::with_capacity(pieces.len());
    let mut pieces = pieces.into_iter().peekable();
    while let Some(mut piece) = pieces.next() {
        if piece == left && pieces.next_if_eq(&right).is_some() {
            piece.push_str(&right);
        }
        merged.push(piece);
    }
    merged
}
