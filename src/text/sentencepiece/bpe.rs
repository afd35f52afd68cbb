//! Byte-pair merges as SentencePiece does them: over a whole line, the best-scored neighbours first.

use super::pieces::Pieces;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

/// A part of the text between its neighbours; empty once it is merged into the one before.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    before: Option<usize>,
    after: Option<usize>,
    /// A symbol of the user, which is not merged.
    is_symbol: bool,
}

/// Two neighbours that make a piece.
struct Merge {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both; other than theirs once one of them has changed.
    length: usize,
}

impl Ord for Merge {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(Reverse(self.left).cmp(&Reverse(other.left)))
    }
}

impl PartialOrd for Merge {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Merge {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Merge {}

/// The parts of `text` in order, and whether each is a piece.
pub fn segment<'a>(text: &'a str, pieces: &Pieces) -> Vec<(&'a str, bool)> {
    let mut parts = single_parts(text, pieces);
    // How unused pieces came about, to take them apart again.
    let mut cuts: HashMap<&str, usize> = HashMap::new();
    let mut merges = BinaryHeap::new();
    for right in 1..parts.len() {
        merges.extend(merge_of(text, &parts, right - 1, right, pieces, &mut cuts));
    }
    while let Some(Merge { left, right, length, .. }) = merges.pop() {
        let [first, second] = [parts[left], parts[right]];
        let is_there = first.start < first.end && second.start < second.end && second.end - first.start == length;
        if !is_there {
            continue;
        }
        parts[left] = Part { end: second.end, after: second.after, ..first };
        parts[right].end = second.start;
        if let Some(after) = second.after {
            parts[after].before = Some(left);
            merges.extend(merge_of(text, &parts, left, after, pieces, &mut cuts));
        }
        if let Some(before) = first.before {
            merges.extend(merge_of(text, &parts, before, left, pieces, &mut cuts));
        }
    }
    let mut whole = Vec::new();
    for part in parts.iter().filter(|part| part.start < part.end) {
        take_apart(&text[part.start..part.end], pieces, &cuts, &mut whole);
    }
    whole
}

/// Characters, and symbols of the user.
fn single_parts(text: &str, pieces: &Pieces) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut start = 0;
    while let Some(character) = text[start..].chars().next() {
        let symbol = pieces.symbol(&text[start..]);
        let end = start + symbol.unwrap_or(character.len_utf8());
        let place = parts.len();
        let after = (end < text.len()).then_some(place + 1);
        parts.push(Part { start, end, before: place.checked_sub(1), after, is_symbol: symbol.is_some() });
        start = end;
    }
    parts
}

fn merge_of<'a>(
    text: &'a str,
    parts: &[Part],
    left: usize,
    right: usize,
    pieces: &Pieces,
    cuts: &mut HashMap<&'a str, usize>,
) -> Option<Merge> {
    let [first, second] = [parts[left], parts[right]];
    if first.is_symbol || second.is_symbol {
        return None;
    }
    let both = &text[first.start..second.end];
    let piece = pieces.get(both)?;
    if piece.is_unused {
        cuts.insert(both, first.end - first.start);
    }
    Some(Merge { score: piece.score, left, right, length: both.len() })
}

/// Appends `part`, or what it was merged of where it is unused.
fn take_apart<'a>(part: &'a str, pieces: &Pieces, cuts: &HashMap<&str, usize>, whole: &mut Vec<(&'a str, bool)>) {
    let piece = pieces.get(part);
    match cuts.get(part).filter(|_| piece.is_some_and(|piece| piece.is_unused)) {
        Some(&cut) => {
            let (left, right) = part.split_at(cut);
            take_apart(left, pieces, cuts, whole);
            take_apart(right, pieces, cuts, whole);
        }
        None => whole.push((part, piece.is_some())),
    }
}
