//! Subwords of a published model: a fairseq `dict.txt`, and the subword-nmt codes that its text was segmented with.

use super::bpe_codes::BpeCodes;
use super::subwords::SubwordModel;
use super::vocabulary::{SPECIALS, UNK, Vocabulary};
use crate::config::DataConfig;
use crate::error::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Marks the JSON form.
const KEY: &str = "subword_nmt";

/// The source's and the target's subwords that `data` names: `source_dict`, `target_dict` and `bpe_codes`. They are one
/// model where there is one dictionary, or two equal ones.
///
/// # Errors
/// A file that cannot be used; two dictionaries where `joined_vocabulary` asks for one.
pub fn published_subwords(data: &DataConfig) -> Result<[Arc<SubwordModel>; 2]> {
    let is_given = |path: &Path| !path.as_os_str().is_empty();
    let codes = is_given(&data.bpe_codes).then(|| BpeCodes::load(&data.bpe_codes)).transpose()?;
    let load = |dict: &Path| Ok(SubwordModel::published(Vocabulary::from_fairseq_dict(dict)?, codes.clone()));
    let source = Arc::new(load(&data.source_dict)?);
    if !is_given(&data.target_dict) {
        return Ok([Arc::clone(&source), source]);
    }
    let target = load(&data.target_dict)?;
    if target.vocabulary() == source.vocabulary() {
        return Ok([Arc::clone(&source), source]);
    }
    if data.joined_vocabulary {
        let message = format!(
            "differs from {}, but data.joined_vocabulary = true asks for one vocabulary",
            data.source_dict.display()
        );
        return Err(Error::input(message).at(data.target_dict.display()));
    }
    Ok([source, Arc::new(target)])
}

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
            Some(codes) => codes.encode_line(line).iter().map(|subword| id(subword)).collect(),
            None => line.split_whitespace().map(id).collect(),
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

#[cfg(test)]
mod tests {
    use super::super::vocabulary::{EOS, PAD};
    use super::*;

    const CODES: &str = "#version: 0.2\nn e\nne w</w>\ne r</w>\n";

    fn model(codes: Option<&str>) -> SubwordModel {
        let vocabulary = Vocabulary::from_tokens(["ne@@", "w@@", "er", "new", "a"].map(String::from)).unwrap();
        SubwordModel::published(vocabulary, codes.map(|text| BpeCodes::parse(text).unwrap()))
    }

    #[test]
    fn words_are_segmented_looked_up_and_joined_again() {
        let model = model(Some(CODES));
        // By hand: n e w er</w>; n e merge first, and `ne w</w>` is no pair of `newer`.
        assert_eq!(model.encode("newer  new a\r"), [4, 5, 6, 7, 8]);
        assert_eq!(model.decode(&[4, 5, 6, 7, 8, EOS]), "newer new a");
        // As fairseq does, a mark at the line's end goes too.
        assert_eq!(model.decode(&[8, PAD, 4, EOS]), "a ne");
    }

    #[test]
    fn without_codes_lines_are_segmented_already() {
        assert_eq!(model(None).encode(" ne@@ er new "), [4, 6, 7]);
    }

    #[test]
    fn unknown_subwords_and_the_names_of_specials_are_unk() {
        for model in [model(None), model(Some(CODES))] {
            assert_eq!(model.encode("<pad> a </s>").iter().filter(|&&id| id != UNK).count(), 1);
            assert_eq!(model.decode(&[UNK, 8]), "<unk> a");
        }
    }

    #[test]
    fn json_round_trips() {
        for model in [model(None), model(Some(CODES)), model(Some("n e\nne w\n"))] {
            let json = model.to_json().unwrap();
            let read = SubwordModel::from_json(&json).unwrap();
            assert_eq!(read.to_json().unwrap(), json);
            assert_eq!(read.vocabulary(), model.vocabulary());
            assert_eq!(read.encode("newer new"), model.encode("newer new"));
        }
        for json in
            [r#"{"subword_nmt":{}}"#, r#"{"subword_nmt":{"tokens":[1]}}"#, r#"{"subword_nmt":{"tokens":[],"codes":1}}"#]
        {
            assert!(SubwordModel::from_json(json).unwrap_err().to_string().starts_with("`subword_nmt`"));
        }
    }

    #[test]
    fn dictionaries_must_be_one_where_the_vocabulary_is_joined() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut data = DataConfig {
            source_dict: file("a", "x 2\ny 1\n"),
            target_dict: file("b", "x 5\ny 4\n"),
            ..DataConfig::default()
        };
        let [source, target] = published_subwords(&data).unwrap();
        assert!(Arc::ptr_eq(&source, &target), "counts do not matter");
        data.target_dict = file("c", "y 1\n");
        let error = published_subwords(&data).unwrap_err().to_string();
        assert!(error.contains("joined_vocabulary"), "{error}");
        data.joined_vocabulary = false;
        let [source, target] = published_subwords(&data).unwrap();
        assert_eq!([source.vocab_size(), target.vocab_size()], [6, 5]);
    }
}
