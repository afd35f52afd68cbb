//! The likeliest pieces of a text under a unigram language model, by Viterbi's algorithm.

use super::pieces::Pieces;

/// By how much an unknown character is less likely than the least likely piece.
const UNKNOWN_PENALTY: f32 = 10.0;
/// By how much the score of a symbol of the user is below what no other pieces reach.
const SYMBOL_MARGIN: f64 = 0.1;

/// The best way to a place in the text.
#[derive(Clone, Copy)]
struct Way {
    score: f32,
    /// Where its last piece starts, and whether that is known.
    start: usize,
    is_known: bool,
}

/// The parts of `text` in order; none where there is no text. What is no piece is a part of one character.
pub fn segment<'a>(text: &'a str, pieces: &Pieces) -> Vec<(&'a str, bool)> {
    let unknown_score = pieces.lowest_score - UNKNOWN_PENALTY;
    let mut ways: Vec<Option<Way>> = vec![None; text.len() + 1];
    for (start, character) in text.char_indices() {
        let before = ways[start].map_or(0.0, |way| way.score);
        let mut reach = |end: usize, score: f64, is_known: bool| {
            // In this precision, as there: a sum that rounds to the score of a way before does not replace it.
            let score = score + f64::from(before);
            if ways[end].is_none_or(|way| score > f64::from(way.score)) {
                ways[end] = Some(Way { score: score as f32, start, is_known });
            }
        };
        let single = start + character.len_utf8();
        let mut has_single = false;
        let last = text.len().min(start + pieces.longest);
        for end in (single..=last).filter(|&end| text.is_char_boundary(end)) {
            let Some(piece) = pieces.get(&text[start..end]).filter(|piece| !piece.is_unused) else { continue };
            let score = match piece.is_symbol {
                true => f64::from((end - start) as f32 * pieces.highest_score) - SYMBOL_MARGIN,
                false => f64::from(piece.score),
            };
            reach(end, score, true);
            has_single |= end == single;
        }
        if !has_single {
            reach(single, f64::from(unknown_score), false);
        }
    }
    let mut parts = Vec::new();
    let mut end = text.len();
    while let Some(Way { start, is_known, .. }) = ways[end] {
        parts.push((&text[start..end], is_known));
        end = start;
    }
    parts.reverse();
    parts
}
