//! The pieces of a model that text can become, and symbols of its user, which are never cut.

use super::proto::{ModelProto, NORMAL, UNUSED, USER_DEFINED};
use std::collections::HashMap;

/// What a piece is for segmenting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Log-probability, or minus the rank of its merge.
    pub score: f32,
    /// Whether it is a symbol of the user.
    pub is_symbol: bool,
    /// Whether it is a step between others alone.
    pub is_unused: bool,
}

/// Pieces by their text.
#[derive(Debug, Clone)]
pub struct Pieces {
    by_text: HashMap<String, Piece>,
    /// Bytes of the longest.
    pub longest: usize,
    /// The lowest score of a normal piece, and the highest.
    pub lowest_score: f32,
    pub highest_score: f32,
    longest_symbol: usize,
}

impl Pieces {
    pub fn new(model: &ModelProto) -> Self {
        let mut pieces = Self {
            by_text: HashMap::new(),
            longest: 0,
            lowest_score: f32::MAX,
            // Not the least number but the least above zero, as there.
            highest_score: f32::MIN_POSITIVE,
            longest_symbol: 0,
        };
        for piece in &model.pieces {
            let kind = piece.kind.unwrap_or(NORMAL);
            if ![NORMAL, USER_DEFINED, UNUSED].contains(&kind) {
                continue;
            }
            if kind == NORMAL {
                pieces.lowest_score = pieces.lowest_score.min(piece.score);
                pieces.highest_score = pieces.highest_score.max(piece.score);
            }
            let is_symbol = kind == USER_DEFINED;
            let length = piece.piece.len();
            pieces.longest = pieces.longest.max(length);
            pieces.longest_symbol = pieces.longest_symbol.max(if is_symbol { length } else { 0 });
            let is_unused = kind == UNUSED;
            pieces.by_text.insert(piece.piece.clone(), Piece { score: piece.score, is_symbol, is_unused });
        }
        pieces
    }

    /// The piece of that text.
    pub fn get(&self, text: &str) -> Option<Piece> {
        self.by_text.get(text).copied()
    }

    /// The length of the longest symbol of the user that `text` begins with.
    pub fn symbol(&self, text: &str) -> Option<usize> {
        let ends = (1..=self.longest_symbol.min(text.len())).rev().filter(|&end| text.is_char_boundary(end));
        ends.into_iter().find(|&end| self.get(&text[..end]).is_some_and(|piece| piece.is_symbol))
    }
}
