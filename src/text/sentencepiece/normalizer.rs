//! From a line to the text that is segmented: rules of characters, then spaces, which become `▁`.

use super::charsmap::CharsMap;
use super::pieces::Pieces;
use super::proto::NormalizerProto;
use crate::error::{Error, Result};

/// Stands for a space.
pub const SPACE: char = '▁';

/// A model's normalization.
#[derive(Debug, Clone)]
pub struct Normalizer {
    rules: CharsMap,
    /// Whether a space is put at the beginning, or at the end where [`Self::space_ends_words`].
    adds_space: bool,
    /// Whether a run of spaces is one, and none stands at either end.
    removes_spaces: bool,
    space_ends_words: bool,
}

impl Normalizer {
    /// # Errors
    /// Damaged rules; spaces that stay spaces, which this program's dictionaries cannot hold.
    pub fn new(spec: &NormalizerProto, space_ends_words: bool) -> Result<Self> {
        if spec.escape_whitespaces == Some(false) {
            return Err(Error::input("`escape_whitespaces` is false; expected a model that writes spaces as `▁`"));
        }
        Ok(Self {
            rules: CharsMap::parse(&spec.precompiled_charsmap)?,
            adds_space: spec.add_dummy_prefix.unwrap_or(true),
            removes_spaces: spec.remove_extra_whitespaces.unwrap_or(true),
            space_ends_words,
        })
    }

    /// The text of `line` that is segmented; empty where nothing is left of it.
    pub fn normalize(&self, line: &str, pieces: &Pieces) -> String {
        let mut rest = line;
        let mut text = String::with_capacity(line.len() + SPACE.len_utf8());
        while self.removes_spaces && !rest.is_empty() {
            let (" ", length) = self.first(rest, pieces) else { break };
            rest = &rest[length..];
        }
        if rest.is_empty() {
            return text;
        }
        if self.adds_space && !self.space_ends_words {
            text.push(SPACE);
        }
        let mut after_space = self.removes_spaces;
        while !rest.is_empty() {
            let (mut replacement, length) = self.first(rest, pieces);
            if after_space {
                replacement = replacement.trim_start_matches(' ');
            }
            text.extend(replacement.chars().map(|character| if character == ' ' { SPACE } else { character }));
            if !replacement.is_empty() {
                after_space = replacement.ends_with(' ');
            }
            after_space &= self.removes_spaces;
            rest = &rest[length..];
        }
        if self.removes_spaces {
            text.truncate(text.trim_end_matches(SPACE).len());
        }
        if self.adds_space && self.space_ends_words {
            text.push(SPACE);
        }
        text
    }

    /// What the beginning of `text` becomes, and its length: a symbol of the user, what has a rule, or a character.
    fn first<'a>(&'a self, text: &'a str, pieces: &Pieces) -> (&'a str, usize) {
        if let Some(length) = pieces.symbol(text) {
            return (&text[..length], length);
        }
        self.rules.longest(text).unwrap_or_else(|| {
            let length = text.chars().next().map_or(0, char::len_utf8);
            (&text[..length], length)
        })
    }
}
