//! Subwords of a published model: a fairseq `dict.txt`, and the subword-nmt codes that its text was segmented with.

use super::bpe_codes::BpeCodes;
use super::vocabulary::{SPECIALS, UNK, Vocabulary};
use crate::error::{Error, Result};
use crate::white_space::words;
use serde_json::{Value, json};

/// Marks the JSON form.
const KEY: &str = "subword_nmt";

/// How a published model's lines become subwords.
#[derive(Debug, Clone)]
pub(super) struct Published {
    /// Segments words; without codes, lines are segmented already.
    pub codes: Option<BpeCodes>,
}

impl Published {
    /// One id a subword. A special symbol's name in the text is as unknown as any other word.
    pub fn encode(&self, line: &str, vocabulary: &Vocabulary) -> Vec<u32> {
        let id = |subword: &str| match vocabulary.id(subword) {
            id if (id as usize) < SPECIALS.len() => UNK,
            id => id,
        };
        match &self.codes {
            // As with the files between subword-nmt and fairseq: what is no space is part of a word for the one, and parts
            // the subwords of that word for the other.
            Some(codes) => codes.encode_line(line).iter().flat_map(|subword| words(subword)).map(id).collect(),
            None => words(line).map(id).collect(),
        }
    }

    pub fn to_json(&self, vocabulary: &Vocabulary) -> String {
        let ids = SPECIALS.len() as u32..vocabulary.len() as u32;
        let tokens: Vec<&str> = ids.filter_map(|id| vocabulary.token(id)).collect();
        json!({KEY: {"tokens": tokens, "codes": self.codes.as_ref().map(BpeCodes::to_text)}}).to_string()
    }

    /// What [`Published::to_json`] wrote; `None` where `file` is another kind of JSON.
    pub fn from_json(file: &Value) -> Result<Option<(Vocabulary, Option<BpeCodes>)>> {
        let Some(model) = file.get(KEY) else {
            return Ok(None);
        };
        let malformed =
            || Error::input("`subword_nmt`: expected `tokens`, a list of texts, and `codes`, a text or null");
        let tokens = model["tokens"].as_array().ok_or_else(malformed)?;
        let tokens: Option<Vec<String>> = tokens.iter().map(|token| token.as_str().map(String::from)).collect();
        let vocabulary = Vocabulary::from_tokens(tokens.ok_or_else(malformed)?)?;
        let codes = match &model["codes"] {
            Value::Null => None,
            Value::String(text) => Some(BpeCodes::parse(text)?),
            _ => return Err(malformed()),
        };
        Ok(Some((vocabulary, codes)))
    }
}
