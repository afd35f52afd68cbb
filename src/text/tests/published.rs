//! Tests of published models' subwords.

use crate::config::DataConfig;
use crate::text::bpe_codes::BpeCodes;
use crate::text::{EOS, PAD, SubwordModel, UNK, Vocabulary, published_subwords};
use std::sync::Arc;

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
fn versions_and_counts_of_codes_change_no_subword_but_0_1_and_0_2_do() {
    let merges = ["n e", "ne w", "e r</w>"];
    let codes = |first: &str, count: &str| {
        BpeCodes::parse(&merges.iter().fold(first.to_owned(), |text, merge| text + merge + count + "\n")).unwrap()
    };
    for (first, count, expected) in [
        ("", " 7", "new@@ er"),
        ("#version: 0.2\n", "", "new@@ er"),
        ("#version: 0.2.0\n", "", "new@@ er"),
        ("#version: 0.2\n", " 7", "new@@ er"),
        ("", "", "new@@ e@@ r"),
        ("#version: 0.1.0\n", "", "new@@ e@@ r"),
    ] {
        assert_eq!(codes(first, count).encode_line("newer").join(" "), expected, "{first:?} {count:?}");
    }
}

#[test]
fn what_is_no_space_parts_the_subwords_of_a_word() {
    let vocabulary = Vocabulary::from_tokens(["a@@", "@@", "b", "a"].map(String::from)).unwrap();
    let model = SubwordModel::published(vocabulary, Some(BpeCodes::parse("#version: 0.2\nx y\n").unwrap()));
    // As `a@@ \u{a0}@@ b` is read.
    assert_eq!(model.encode("a\u{a0}b"), [4, 5, 6]);
    // A word of white space alone is none.
    assert_eq!(model.encode("a \u{3000} b"), [7, 6]);
}

#[test]
fn pieces_of_sentencepiece_are_joined_by_their_own_mark() {
    let of =
        |tokens: [&str; 4]| SubwordModel::published(Vocabulary::from_tokens(tokens.map(String::from)).unwrap(), None);
    let model = of(["▁the", "▁lo", "w", "<0xC3>"]);
    assert_eq!(model.encode("▁the ▁lo w"), [4, 5, 6]);
    assert_eq!(model.decode(&[4, 5, 6, UNK, 7, EOS]), "the low<unk>\u{fffd}");
    assert_eq!(of(["▁the", "lo@@", "w", "▁"]).decode(&[4, 5, 6, EOS]), "▁the low");
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
