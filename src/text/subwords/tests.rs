//! Tests of learned subwords.

use super::*;
use proptest::prelude::*;

const LINES: [&str; 5] = [
    "the lower house, the lowest house: newer!",
    "the new tower (the newest) is lower than the old tower",
    "Über allen Türmen: die neue Höhe — über dem Turm.",
    "low lower lowest  new newer newest\tslow slower slowest",
    "the end of the tower is the end of the house",
];

fn learn(vocab_size: usize, kind: Subwords) -> SubwordModel {
    SubwordModel::learn(LINES, vocab_size, kind).unwrap()
}

#[test]
fn merges_join_frequent_words_and_specials_come_first() {
    for (kind, vocab_size, word) in [(Subwords::Bpe, 100, "▁the"), (Subwords::ByteBpe, 300, "Ġthe")] {
        let model = learn(vocab_size, kind);
        assert!(model.vocab_size() <= vocab_size, "{}", model.vocab_size());
        for (id, special) in (0..).zip(SPECIALS) {
            assert_eq!(model.vocabulary().token(id), Some(special));
        }
        assert!(model.vocabulary().contains(word));
        let ids = model.encode("new the");
        assert_eq!(model.vocabulary().token(ids[ids.len() - 1]), Some(word));
    }
}

#[test]
fn white_space_parts_words_and_decoding_leaves_one_space() {
    for model in [learn(200, Subwords::Bpe), learn(400, Subwords::ByteBpe)] {
        for line in LINES.iter().chain(&["", "(the) (new)", "the,new.old !"]) {
            let ids = model.encode(line);
            let collapsed = line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(model.decode(&ids), collapsed);
            for odd in [format!("{line} "), format!(" {line}"), line.replace(' ', " \u{a0}"), format!("\u{1c}{line}\r")]
            {
                assert_eq!(model.encode(&odd), ids, "{odd:?}");
            }
        }
        for blank in [" ", "\u{200b}", "\u{feff}", "\u{1c}"] {
            assert!(model.encode(blank).is_empty(), "{blank:?}");
        }
    }
}

#[test]
fn unknown_characters_become_unk_over_characters_only() {
    let line = "the 東京 tower";
    let model = learn(200, Subwords::Bpe);
    let ids = model.encode(line);
    assert_eq!(ids.iter().filter(|&&id| id == UNK).count(), 1);
    assert_eq!(model.decode(&ids), "the <unk> tower");
    let model = learn(400, Subwords::ByteBpe);
    assert_eq!(model.decode(&model.encode(line)), line);
}

#[test]
fn specials_are_skipped_and_never_come_from_text() {
    for model in [learn(200, Subwords::Bpe), learn(400, Subwords::ByteBpe)] {
        let the = model.encode("the");
        let ids = [&[BOS, PAD], the.as_slice(), &[UNK, EOS, 999_999]].concat();
        assert_eq!(model.decode(&ids), "the<unk><unk>");
        for id in model.encode("<s> <pad></s>") {
            assert!(![BOS, PAD, EOS].contains(&id));
        }
    }
}

#[test]
fn json_round_trips() {
    for model in [learn(200, Subwords::Bpe), learn(400, Subwords::ByteBpe)] {
        let json = model.to_json().unwrap();
        let read = SubwordModel::from_json(&json).unwrap();
        assert_eq!(read.vocabulary(), model.vocabulary());
        assert_eq!(read.to_json().unwrap(), json);
        assert_eq!(read.encode(LINES[1]), model.encode(LINES[1]));
    }
}

#[test]
fn damaged_json_is_refused() {
    let json = learn(100, Subwords::Bpe).to_json().unwrap();
    let file: Value = serde_json::from_str(&json).unwrap();
    let spoilt = |pointer: &str, value: Value| {
        let mut file = file.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        SubwordModel::from_json(&file.to_string()).unwrap_err().to_string()
    };
    for (pointer, value, expected) in [
        ("/pre_tokenizer", Value::Null, "another"),
        ("/model", Value::Null, "`vocab`"),
        ("/model/merges", serde_json::json!([["▁", "東"]]), "`東`"),
        ("/model/merges", serde_json::json!(["▁ t"]), "`merges`"),
        ("/model/vocab/▁", 1_000_000.into(), "not 0, 1, 2"),
        ("/model/vocab", serde_json::json!({"a": 0}), "first tokens"),
    ] {
        let error = spoilt(pointer, value);
        assert!(error.contains(expected), "{error}");
    }
    assert!(SubwordModel::from_json(&json[..json.len() / 2]).is_err());
}

#[test]
fn too_small_vocabularies_and_empty_text_are_refused() {
    for (kind, vocab_size) in [(Subwords::Bpe, 15), (Subwords::ByteBpe, 259)] {
        let error = SubwordModel::learn(LINES, vocab_size, kind).unwrap_err();
        assert!(error.to_string().contains("at least"), "{error}");
    }
    assert!(SubwordModel::learn(["", " "], 100, Subwords::Bpe).is_err());
}

#[test]
fn rare_characters_give_way_where_the_vocabulary_is_small() {
    let model = learn(20, Subwords::Bpe);
    assert_eq!(model.vocab_size(), 20);
    assert!(model.vocabulary().contains("e") && !model.vocabulary().contains("—"));
}

#[test]
fn learning_is_the_same_with_any_number_of_threads() {
    // Many pairs of equal counts, so that the order of ties shows.
    let lines: Vec<String> = (0..600_u32)
        .map(|i| {
            let letter = |shift: u32| char::from(b'a' + ((i * 7919) >> shift) as u8 % 5);
            [0, 2, 4, 6, 8, 1, 3].map(letter).iter().collect()
        })
        .collect();
    for (kind, vocab_size) in [(Subwords::Bpe, 150), (Subwords::ByteBpe, 400)] {
        let models: HashSet<String> = [1, 2, 4, 2, 1]
            .into_iter()
            .map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let lines = lines.iter().map(String::as_str);
                let learn = || SubwordModel::learn(lines, vocab_size, kind).unwrap();
                pool.install(learn).to_json().unwrap()
            })
            .collect();
        assert_eq!(models.len(), 1);
    }
}

#[test]
fn long_runs_of_any_character_are_encoded() {
    let byte_model = learn(300, Subwords::ByteBpe);
    let model = learn(100, Subwords::Bpe);
    for (character, parts) in [(" ", true), ("\t", true), ("e", false), ("!", false), ("東", false)] {
        let line = character.repeat(30_000) + "x";
        assert_eq!(byte_model.decode(&byte_model.encode(&line)), if parts { "x" } else { &line });
        assert!(!model.encode(&line).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn byte_bpe_is_lossless(line in "\\PC{0,30}|[ \\t\u{a0}a-c<>/s]{0,30}") {
        let model = learn(300, Subwords::ByteBpe);
        let expected = if is_blank(&line) { Cow::Borrowed("") } else { collapsed(&line) };
        prop_assert_eq!(model.decode(&model.encode(&line)), expected);
    }

    #[test]
    fn bpe_is_lossless_over_known_characters(line in "[ theowrns,.:()]{0,40}") {
        let model = learn(120, Subwords::Bpe);
        prop_assert_eq!(model.decode(&model.encode(&line)), collapsed(&line));
    }
}
