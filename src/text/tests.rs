//! Tests of the whole way from text to ids, and of its cache.

mod published;

use super::*;
use crate::config::{Corpus, DataConfig, Subwords};
use crate::error::Result;
use crate::test_shared::shared;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Settings over a folder of invented text: 300 training pairs (or what `train` says), and two parts more.
fn files(dir: &Path, train: Option<[&str; 2]>) -> DataConfig {
    let [sentences, valid, test] = toy::toy(1, [300, 20, 20]).unwrap();
    let write = |name: &str, lines: &str| std::fs::write(dir.join(name), lines).unwrap();
    for (name, text) in [("train", sentences), ("valid", valid), ("test", test)] {
        write(&format!("{name}.xx"), &text.sources.join("\n"));
        write(&format!("{name}.yy"), &text.targets.join("\n"));
    }
    if let Some([source, target]) = train {
        write("train.xx", source);
        write("train.yy", target);
    }
    DataConfig {
        corpus: Corpus::Files,
        source_lang: "xx".to_string(),
        target_lang: "yy".to_string(),
        dir: dir.to_path_buf(),
        train: vec!["train".to_string()],
        valid: vec!["valid".to_string()],
        test: vec!["test".to_string()],
        subwords: Subwords::Bpe,
        vocab_size: 120,
        joined_vocabulary: true,
        lowercase: false,
        max_length: 0,
        max_length_ratio: 0.0,
        cache_dir: dir.join("cache"),
        toy_pairs: [300, 20, 20],
        ..DataConfig::default()
    }
}

fn quietly(data: &DataConfig) -> Result<Prepared> {
    prepare(data, 1, &|_, _, _| {})
}

/// Everything that was prepared, as text and bytes.
fn contents(prepared: &Prepared) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        [&prepared.source_subwords, &prepared.target_subwords].map(|model| model.to_json().unwrap()),
        [&prepared.train, &prepared.valid, &prepared.test].map(|part| part.to_bytes().unwrap()),
        [&prepared.valid_references, &prepared.test_references].map(|lines| lines.join("\n")),
        serde_json::to_string(&prepared.statistics).unwrap(),
        prepared.fingerprints.clone(),
    )
}

/// The files of the one preparation in the cache; asserts that there is one and nothing beside it.
fn cached(data: &DataConfig) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let folders = entries(&data.cache_dir);
    assert_eq!(folders.len(), 1, "{folders:?}");
    let files = entries(&folders[0]).into_iter();
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_cached_preparation_is_the_first_one_again() {
    let dir = tempfile::tempdir().unwrap();
    for (joined_vocabulary, corpus) in [(true, Corpus::Files), (false, Corpus::Files), (false, Corpus::Toy)] {
        let data = DataConfig { joined_vocabulary, corpus, ..files(dir.path(), None) };
        let stages = RefCell::new(Vec::new());
        let run = || {
            prepare(&data, 1, &|stage, done, total| {
                assert!(done <= total);
                stages.borrow_mut().push(stage.to_string());
            })
            .unwrap()
        };
        let first = run();
        assert!(!stages.take().is_empty());
        let again = run();
        assert!(stages.take().is_empty(), "the cache was not used");
        assert_eq!(contents(&first), contents(&again));
        for prepared in [first, again] {
            let one = Arc::ptr_eq(&prepared.source_subwords, &prepared.target_subwords);
            assert_eq!(one, joined_vocabulary);
        }
    }
}

#[test]
fn damaged_caches_are_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let data = files(dir.path(), None);
    let first = contents(&quietly(&data).unwrap());
    let whole = cached(&data);
    assert!(whole.len() >= 6);
    for (path, bytes) in &whole {
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        for damage in [Some(flipped), Some(bytes[..bytes.len() - 1].to_vec()), None] {
            match damage {
                Some(bytes) => std::fs::write(path, bytes).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
            assert_eq!(contents(&quietly(&data).unwrap()), first, "{path:?}");
            assert_eq!(cached(&data), whole, "{path:?}");
        }
    }
}

#[test]
fn a_manifest_cannot_name_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let data = files(dir.path(), None);
    let prepared = quietly(&data).unwrap();
    let folder = data.cache_dir.join(&prepared.fingerprints.whole);
    std::fs::write(folder.join("manifest.json"), r#"{"../../train.xx": ""}"#).unwrap();
    let error = cache::load(&folder, &prepared.fingerprints).unwrap_err();
    assert!(error.to_string().contains("lists `../../train.xx`"), "{error}");
}

#[test]
fn many_may_prepare_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = files(dir.path(), None);
    let expected = contents(&quietly(&data).unwrap());
    let whole = cached(&data);
    // Once from nothing, once with a damaged cache that all of them want to replace.
    for damaged in [false, true] {
        if damaged {
            std::fs::write(&whole[0].0, "damaged").unwrap();
        } else {
            std::fs::remove_dir_all(&data.cache_dir).unwrap();
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| contents(&quietly(&data).unwrap()))).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), expected);
            }
        });
        assert_eq!(cached(&data), whole);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataConfig { cache_dir: dir.path().join("train.xx"), ..files(dir.path(), None) };
    assert_eq!(quietly(&data).unwrap().train.len(), 300);
}

#[test]
fn the_fingerprint_tells_settings_and_text_apart_but_not_places() {
    let [dir, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let data = files(dir.path(), None);
    let fingerprint = |data: &DataConfig| quietly(data).unwrap().fingerprints.whole;
    let first = fingerprint(&data);
    assert_eq!(fingerprint(&files(other.path(), None)), first);
    let mut seen = vec![first];
    for change in [
        (|data| data.vocab_size += 1) as fn(&mut DataConfig),
        |data| data.lowercase = true,
        |data| data.max_length = 100,
        |data| data.max_length_ratio = 9.0,
        |data| data.joined_vocabulary = false,
        |data| data.subwords = Subwords::ByteBpe,
        |data| data.corpus = Corpus::Toy,
        |data| data.test.clear(),
        |data| data.test.push("valid".to_string()),
        |data| std::fs::write(data.dir.join("test.yy"), "el\n".repeat(20)).unwrap(),
    ] {
        let mut data = data.clone();
        data.vocab_size = 300;
        change(&mut data);
        let next = fingerprint(&data);
        assert!(!seen.contains(&next));
        seen.push(next);
    }
}

#[test]
fn models_do_not_depend_on_the_test_text() {
    let dir = tempfile::tempdir().unwrap();
    let data = files(dir.path(), None);
    let without = quietly(&DataConfig { test: Vec::new(), ..data.clone() }).unwrap();
    assert_eq!(without.fingerprints.whole, without.fingerprints.without_test);
    let with = quietly(&data).unwrap();
    assert_ne!(with.fingerprints.whole, without.fingerprints.whole);
    assert_eq!(with.fingerprints.without_test, without.fingerprints.whole);
    assert_eq!(with.subwords_fingerprint().unwrap(), without.subwords_fingerprint().unwrap());
    assert_eq!([with.train, with.valid], [without.train, without.valid]);
}

#[test]
fn the_seed_matters_to_the_toy_corpus_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = files(dir.path(), None);
    let fingerprint = |data: &DataConfig, seed| prepare(data, seed, &|_, _, _| {}).unwrap().fingerprints.whole;
    assert_eq!(fingerprint(&data, 1), fingerprint(&data, 2));
    let data = DataConfig { corpus: Corpus::Toy, ..data };
    assert_ne!(fingerprint(&data, 1), fingerprint(&data, 2));
}

#[test]
fn bad_training_pairs_are_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let source = "a b\n \nb a\na a a a a a a\na a b b\na\na b a\n";
    let target = "a b\nb\n\t\na a a a a a\na\nb b b b\nb a b\n";
    let mut data = files(dir.path(), Some([source, target]));
    std::fs::write(dir.path().join("valid.xx"), "a\n\n").unwrap();
    std::fs::write(dir.path().join("valid.yy"), "\nb a\n").unwrap();
    data.max_length = 6;
    data.max_length_ratio = 2.0;
    data.test.clear();
    let prepared = quietly(&data).unwrap();
    let train = &prepared.statistics.train;
    assert_eq!((train.pairs_read, train.pairs_kept), (7, 2));
    assert_eq!((train.dropped_blank, train.dropped_length, train.dropped_ratio), (2, 1, 2));
    assert_eq!((prepared.train.len(), prepared.valid.len(), prepared.test.len()), (2, 2, 0));
    assert_eq!(prepared.valid.source(1), [EOS]);
    assert_eq!(prepared.valid_references, ["", "b a"]);
}

/// Beside each text, how the fingerprints begin that version 0.1.0 gives it with learned subwords, with codes, and segmented;
/// and where it was read otherwise than it is now.
#[test]
fn data_of_before_is_found_where_its_white_space_counts_alike() {
    const TRAIN: &str = "a b\n \nb a\n";
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("dict", "a 1\nb 1\n");
    write("codes", "#version: 0.2\na b</w>\n");
    let learned = DataConfig { test: Vec::new(), ..files(dir.path(), Some([TRAIN, TRAIN])) };
    let segmented = DataConfig { source_dict: dir.path().join("dict"), ..learned.clone() };
    let coded = DataConfig { bpe_codes: dir.path().join("codes"), ..segmented.clone() };
    for (text, begins, is_read_otherwise) in [
        ("a b\n\nb", ["55ad89bb", "34058159", "6eea4992"], [false, false, false]),
        ("a b\n b  a \n", ["874eb96a", "a093756d", "8e65f284"], [true, false, false]),
        ("a b\nb\ta\n", ["031881a6", "a07b02ac", "e47fcbdd"], [true, true, false]),
        ("a\u{1c}b\n", ["5b3baf32", "1f0c71a7", "2de0dadb"], [true, true, true]),
        ("\u{200b}\n", ["95dd667a", "ea7a3111", "0f01d1b4"], [true, true, true]),
    ] {
        write("valid.xx", text);
        write("valid.yy", text);
        let found = [&learned, &coded, &segmented].map(|data| quietly(data).unwrap().fingerprints.whole);
        let differs: Vec<bool> = found.iter().zip(begins).map(|(found, old)| !found.starts_with(old)).collect();
        assert_eq!(differs, is_read_otherwise, "{text:?}");
    }
    // A byte-order mark was a part of the codes' first line, and is none.
    let unmarked = quietly(&coded).unwrap().fingerprints.whole;
    write("codes", "\u{feff}#version: 0.2\na b</w>\n");
    assert_eq!(quietly(&coded).unwrap().fingerprints.whole, unmarked);
}

#[test]
fn white_space_is_alike_in_all_formats() {
    let pairs = [["a  b ", "b a"], ["\u{a0}b\u{3000}a", " a b"], ["\u{200b}", "a"], ["a b", "b\u{2028}a"]];
    let joined = |line: &dyn Fn(&[&str; 2]) -> String| pairs.iter().map(line).collect::<String>();
    let unit = |[source, target]: &[&str; 2]| {
        format!("<tu><tuv lang='xx'><seg>{source}</seg></tuv><tuv lang='yy'><seg>{target}</seg></tuv></tu>\n")
    };
    let dir = tempfile::tempdir().unwrap();
    let sides = [0, 1].map(|side| joined(&|pair| format!("{}\n", pair[side])));
    let data = files(dir.path(), Some([&sides[0], &sides[1]]));
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("train.tsv", joined(&|[source, target]| format!("{source}\t{target}\n")));
    write("train.tmx", format!("\u{feff}<tmx>{}</tmx>", joined(&unit)));
    let train = |name: &str| quietly(&DataConfig { train: vec![name.into()], ..data.clone() }).unwrap();
    let expected = train("train");
    assert_eq!((expected.statistics.train.pairs_kept, expected.statistics.train.dropped_blank), (3, 1));
    assert_eq!(expected.train.source(0), expected.train.source(2), "a b");
    for name in ["train.tsv", "train.tmx"] {
        let found = train(name);
        assert_eq!((found.train, found.statistics), (expected.train.clone(), expected.statistics.clone()), "{name}");
    }
}

/// As translations of them have no marks of subwords either.
#[test]
fn references_of_segmented_text_are_sentences() {
    for (dict, line, expected) in [("a@@ 1\nb 1\n", "a@@  b x@@ y", "ab xy"), ("▁a 1\nb 1\n", "▁a b ▁x y", "ab xy")]
    {
        let dir = tempfile::tempdir().unwrap();
        let data = files(dir.path(), None);
        for name in ["valid.xx", "valid.yy", "test.xx", "test.yy"] {
            std::fs::write(dir.path().join(name), line).unwrap();
        }
        std::fs::write(dir.path().join("dict"), dict).unwrap();
        let data = DataConfig { source_dict: dir.path().join("dict"), ..data };
        // The second time from the cache.
        for _ in 0..2 {
            let prepared = quietly(&data).unwrap();
            assert_eq!([prepared.valid_references, prepared.test_references], [[expected]; 2]);
        }
    }
}

#[test]
fn no_training_pair_left_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut data = files(dir.path(), Some(["a a\n", "b b\n"]));
    data.max_length = 1;
    let error = quietly(&data).unwrap_err().to_string();
    assert!(error.contains("1: 0 blank, 1 longer than `max_length`"), "{error}");
    data.train.clear();
    assert!(quietly(&data).unwrap_err().to_string().contains("`data.train` names no files"));
}

#[test]
fn lower_case_reaches_ids_and_references() {
    let dir = tempfile::tempdir().unwrap();
    let mut data = files(dir.path(), Some(["Aa Bb\nAa\n", "BB aA\nBB\n"]));
    std::fs::write(dir.path().join("valid.xx"), "BB\n").unwrap();
    std::fs::write(dir.path().join("valid.yy"), "Aa\n").unwrap();
    data.test.clear();
    data.lowercase = true;
    let prepared = quietly(&data).unwrap();
    assert_eq!(prepared.valid_references, ["aa"]);
    assert_eq!(prepared.source_subwords.decode(prepared.valid.source(0)), "bb");
    assert_eq!(prepared.statistics.valid.source_unknown_rate, 0.0);
}

#[test]
fn multi30k_is_prepared_whole() {
    let Some(dir) = shared("Multi30k", "data/multi30k") else { return };
    let cache = tempfile::tempdir().unwrap();
    let prefixes = |name: &str| vec![name.to_string()];
    for subwords in [Subwords::Bpe, Subwords::ByteBpe] {
        let data = DataConfig {
            source_lang: "de".to_string(),
            target_lang: "en".to_string(),
            dir: dir.clone(),
            train: prefixes("train"),
            valid: prefixes("val"),
            test: prefixes("test_2016_flickr"),
            subwords,
            vocab_size: 8000,
            ..files(cache.path(), None)
        };
        let times = [(); 2].map(|()| {
            let start = std::time::Instant::now();
            let prepared = quietly(&data).unwrap();
            (start.elapsed().as_secs_f64(), prepared)
        });
        let [(cold, prepared), (warm, again)] = times;
        println!("{subwords:?}: cold {cold:.3} s, warm {warm:.3} s");
        // Not `assert_eq!`, which would print the text.
        assert!(contents(&prepared) == contents(&again));
        let statistics = &prepared.statistics;
        println!("{}", serde_json::to_string(statistics).unwrap());
        assert_eq!((prepared.valid.len(), prepared.test.len()), (1014, 1000));
        assert_eq!(statistics.train.pairs_read, 29_000);
        assert_eq!(prepared.target_vocab(), 8000);
        assert!(statistics.test.source_unknown_rate < 1e-3);
        let targets = (0..1000).map(|i| prepared.target_subwords.decode(prepared.test.target(i)));
        let differing = targets.zip(&prepared.test_references).filter(|(a, b)| a != *b);
        assert_eq!(differing.count(), 0, "decoding does not give the references back");
    }
}
