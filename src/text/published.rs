//! Subwords of a published model: a fairseq `dict.txt` with the subword-nmt codes or the SentencePiece model that its text was
//! segmented with, or a SentencePiece model alone.

use super::bpe_codes::{self, BpeCodes};
use super::sentencepiece::{self, SentencePiece};
use super::vocabulary::{SPECIALS, UNK, Vocabulary};
use crate::error::{Error, Result};
use crate::white_space::words;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Mark the JSON forms.
const SUBWORD_NMT: &str = "subword_nmt";
const SENTENCEPIECE: &str = "sentencepiece";

/// How a published model's lines become subwords.
#[derive(Debug, Clone)]
pub(super) struct Published {
    segmenter: Segmenter,
    /// Whether subwords are joined by SentencePiece's `▁`.
    joins_pieces: bool,
}

/// What cuts lines into subwords.
#[derive(Debug, Clone)]
pub(super) enum Segmenter {
    /// Nothing: lines are segmented already.
    None,
    Codes(BpeCodes),
    SentencePiece(Box<SentencePiece>),
}

impl Published {
    pub fn new(segmenter: Segmenter, vocabulary: &Vocabulary) -> Self {
        let joins_pieces = match segmenter {
            Segmenter::None => sentencepiece::joins_pieces(vocabulary),
            Segmenter::Codes(_) => false,
            Segmenter::SentencePiece(_) => true,
        };
        Self { segmenter, joins_pieces }
    }

    /// One id a subword. A special symbol's name in the text is as unknown as any other word.
    pub fn encode(&self, line: &str, vocabulary: &Vocabulary) -> Vec<u32> {
        let id = |subword: &str| match vocabulary.id(subword) {
            id if (id as usize) < SPECIALS.len() => UNK,
            id => id,
        };
        match &self.segmenter {
            Segmenter::None => words(line).map(id).collect(),
            // As with the files between subword-nmt and fairseq: what is no space is part of a word for the one, and parts
            // the subwords of that word for the other.
            Segmenter::Codes(codes) => {
                codes.encode_line(line).iter().flat_map(|subword| words(subword)).map(id).collect()
            }
            Segmenter::SentencePiece(model) => model.encode(line).iter().map(|piece| id(piece)).collect(),
        }
    }

    /// See [`super::SubwordModel::sentence`].
    pub fn sentence<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match self.segmenter {
            Segmenter::None => Cow::Owned(self.decode(&words(line).collect::<Vec<_>>())),
            Segmenter::Codes(_) | Segmenter::SentencePiece(_) => Cow::Borrowed(line),
        }
    }

    /// The line of `subwords`.
    pub fn decode(&self, subwords: &[impl AsRef<str>]) -> String {
        match self.joins_pieces {
            true => sentencepiece::decode(subwords),
            false => bpe_codes::decode(subwords),
        }
    }

    pub fn to_json(&self, vocabulary: &Vocabulary) -> Result<String> {
        let ids = SPECIALS.len() as u32..vocabulary.len() as u32;
        let tokens: Vec<&str> = ids.filter_map(|id| vocabulary.token(id)).collect();
        let json = match &self.segmenter {
            Segmenter::None => json!({SUBWORD_NMT: {"tokens": tokens, "codes": null}}),
            Segmenter::Codes(codes) => json!({SUBWORD_NMT: {"tokens": tokens, "codes": codes.to_text()}}),
            Segmenter::SentencePiece(model) => json!({SENTENCEPIECE: {"tokens": tokens, "model": model.to_json()?}}),
        };
        Ok(json.to_string())
    }

    /// What [`Published::to_json`] wrote; `None` where `file` is another kind of JSON.
    pub fn from_json(file: &Value) -> Result<Option<(Vocabulary, Segmenter)>> {
        if let Some(model) = file.get(SENTENCEPIECE) {
            let read = || Ok((tokens(model)?, SentencePiece::from_json(&model["model"])?));
            let (vocabulary, model) = read().map_err(|error: Error| error.at("`sentencepiece`"))?;
            return Ok(Some((vocabulary, Segmenter::SentencePiece(Box::new(model)))));
        }
        let Some(model) = file.get(SUBWORD_NMT) else {
            return Ok(None);
        };
        let vocabulary = tokens(model).map_err(|error| error.at("`subword_nmt`"))?;
        let segmenter = match &model["codes"] {
            Value::Null => Segmenter::None,
            Value::String(text) => Segmenter::Codes(BpeCodes::parse(text)?),
            _ => return Err(Error::input("`subword_nmt`: expected `codes`, a text or null")),
        };
        Ok(Some((vocabulary, segmenter)))
    }
}

/// The vocabulary of the `tokens` in a JSON form.
fn tokens(model: &Value) -> Result<Vocabulary> {
    let tokens = model["tokens"].as_array();
    let tokens = tokens.and_then(|tokens| tokens.iter().map(|token| token.as_str().map(String::from)).collect());
    let tokens: Vec<String> = tokens.ok_or_else(|| Error::input("expected `tokens`, a list of texts"))?;
    Vocabulary::from_tokens(tokens)
}
