//! Text in the formats that a config can name.

use super::program::{Program, TINY, arguments};
use automoe::interop::safetensors::read_safetensors;
use automoe::text::ParallelText;
use automoe::text::toy::toy;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// A tiny run over text in the program's folder, `train` and `valid`.
pub const OVER_FILES: [&str; 10] = [
    "--set",
    "data.corpus=files",
    "--set",
    "data.dir=.",
    "--set",
    "data.source_lang=xx",
    "--set",
    "data.target_lang=yy",
    "--set",
    "data.test=[]",
];

fn two_files(program: &Program, prefix: &str, text: &ParallelText) {
    program.write(&format!("{prefix}.xx"), &(text.sources.join("\n") + "\n"));
    program.write(&format!("{prefix}.yy"), &(text.targets.join("\n") + "\n"));
}

fn tsv(text: &ParallelText) -> String {
    text.sources.iter().zip(&text.targets).map(|(source, target)| format!("{source}\t{target}\n")).collect()
}

/// The files of that name below the program's folder.
fn named(program: &Program, name: &str) -> Vec<PathBuf> {
    let files = program.files().into_iter().filter(|file| file.ends_with(name));
    files.map(|file| program.folder().join(file)).collect()
}

/// The one file of that name below the program's folder.
fn only(program: &Program, name: &str) -> PathBuf {
    let mut files = named(program, name);
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn tsv_and_two_files_of_one_text_give_the_same_run() {
    let [train, valid, test] = toy(1, [300, 20, 20]).unwrap();
    let [first, rest] = [0..200, 200..300].map(|part| ParallelText {
        sources: train.sources[part.clone()].to_vec(),
        targets: train.targets[part].to_vec(),
    });
    let in_two_files = Program::new();
    for (prefix, text) in [("first", &first), ("rest", &rest), ("valid", &valid), ("test", &test)] {
        two_files(&in_two_files, prefix, text);
    }
    let mixed = Program::new();
    two_files(&mixed, "first", &first);
    mixed.write("rest.tsv", &tsv(&rest));
    let mut packed =
        GzEncoder::new(std::fs::File::create(mixed.folder().join("valid.tsv.gz")).unwrap(), Compression::fast());
    packed.write_all(tsv(&valid).as_bytes()).unwrap();
    packed.finish().unwrap();
    // As an editor on Windows writes it.
    mixed.write("test.tsv", &format!("\u{feff}{}", tsv(&test).replace('\n', "\r\n")));

    let settings = arguments(&TINY, &OVER_FILES);
    let run = |program: &Program, names: [&str; 3]| {
        let names: Vec<String> = names.iter().map(|names| format!("data.{names}")).collect();
        let names: Vec<&str> = names.iter().flat_map(|names| ["--set", names]).collect();
        let with = |command: &[&'static str]| program.output(&[command, &settings, &names].concat());
        let statistics: Value = serde_json::from_str(&with(&["data"])).unwrap();
        let results: Value = serde_json::from_str(&with(&["run", "--json"])).unwrap();
        let scores: Vec<Value> = results["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| [&row["bleu"], &row["chrf"]].into_iter().cloned().collect())
            .collect();
        (statistics, scores)
    };
    let expected = run(&in_two_files, ["train=['first', 'rest']", "valid=['valid']", "test=['test']"]);
    let got = run(&mixed, ["train=['first', 'rest.tsv']", "valid=['valid.tsv']", "test=['test.tsv']"]);
    assert_eq!(got, expected);
    assert_eq!(expected.0["train"]["pairs_read"], 300);
    for part in ["train.safetensors", "valid.safetensors", "test.safetensors"] {
        let [ids, expected] = [&mixed, &in_two_files].map(|program| std::fs::read(only(program, part)).unwrap());
        assert_eq!(ids, expected, "{part}");
    }
    for weights in ["supernet/last.safetensors", "models/winner/last.safetensors"] {
        let [tensors, expected] =
            [&mixed, &in_two_files].map(|program| read_safetensors(&only(program, weights)).unwrap());
        assert!(!tensors.is_empty());
        assert_eq!(tensors, expected, "{weights}");
    }
}

/// A tiny run over data of fairseq's in `folder`.
fn over_fairseq<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let settings = arguments(&TINY, &["--set", "data.corpus=files", "--set", "data.source_lang=src"]);
    [&settings, &["--set", "data.target_lang=tgt", "--set", folder][..], more].concat()
}

#[test]
fn exported_data_is_read_again_with_the_same_ids() {
    let program = Program::new();
    let toy = program.output(&arguments(&["data"], &TINY));
    let first = only(&program, "train.safetensors");
    let parts = ["train", "valid", "test"].map(|part| first.with_file_name(format!("{part}.safetensors")));
    let expected = parts.map(|part| std::fs::read(part).unwrap());
    assert_eq!(program.output(&arguments(&["data", "--export-fairseq", "bin/toy"], &TINY)), toy);
    let exported: Vec<String> = program.files().into_iter().filter(|file| file.starts_with("bin/")).collect();
    assert_eq!(exported.len(), 14, "{exported:?}");
    let dictionary = std::fs::read_to_string(program.folder().join("bin/toy/dict.tgt.txt")).unwrap();
    let counts: u64 = dictionary.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    let statistics: Value = serde_json::from_str(&toy).unwrap();
    let train = &statistics["train"];
    let tokens = train["source_tokens"].as_u64().unwrap() + train["target_tokens"].as_u64().unwrap();
    assert_eq!(counts, tokens - 2 * train["pairs_kept"].as_u64().unwrap(), "all but eos");
    let error = program.refusal(&arguments(&["data", "--export-fairseq", "bin/toy"], &TINY), "");
    assert!(error.contains("bin/toy: is not empty"), "{error}");

    let again: Value =
        serde_json::from_str(&program.output(&arguments(&["data"], &over_fairseq("data.dir=bin/toy", &[])))).unwrap();
    assert_eq!(again, statistics);
    let second = named(&program, "train.safetensors").into_iter().find(|path| *path != first).unwrap();
    let parts = ["train", "valid", "test"].map(|part| second.with_file_name(format!("{part}.safetensors")));
    assert_eq!(parts.map(|part| std::fs::read(part).unwrap()), expected);
}

#[test]
fn parts_of_fairseqs_training_text_are_read_and_its_languages_may_be_the_other_way_round() {
    let program = Program::new();
    program.output(&arguments(&["data", "--export-fairseq", "bin"], &TINY));
    let copy = |from: &str, to: &str| {
        for (language, kind) in [("src", "idx"), ("src", "bin"), ("tgt", "idx"), ("tgt", "bin")] {
            let name = |stem: &str| program.folder().join("bin").join(format!("{stem}.{language}.{kind}"));
            std::fs::copy(name(from), name(to)).unwrap();
        }
    };
    copy("test.src-tgt", "train1.src-tgt");
    copy("test.src-tgt", "train2.tgt-src");
    copy("test.src-tgt", "valid1.src-tgt");
    let pairs = |more: &[&str], part: &str| {
        let statistics = program.output(&arguments(&["data"], &over_fairseq("data.dir=bin", more)));
        serde_json::from_str::<Value>(&statistics).unwrap()[part]["pairs_read"].as_u64().unwrap()
    };
    assert_eq!(pairs(&[], "train"), 340);
    assert_eq!(pairs(&["--set", "data.train=['train', 'train1']"], "train"), 320, "parts that are named are all");
    assert_eq!(pairs(&[], "valid"), 20, "only training texts have parts");
    assert_eq!(pairs(&["--set", "data.valid=['valid', 'valid1']"], "valid"), 40);
    std::fs::remove_file(program.folder().join("bin/train1.src-tgt.tgt.bin")).unwrap();
    let error = program.refusal(&arguments(&["data"], &over_fairseq("data.dir=bin", &[])), "");
    assert!(error.contains("no bin/train1.src-tgt.tgt.bin"), "{error}");
}

#[test]
fn tables_say_that_references_are_joined_ids_until_raw_ones_are_named() {
    let program = Program::new();
    program.output(&arguments(&["data", "--export-fairseq", "bin"], &TINY));
    let joined = program.output(&arguments(&["run"], &over_fairseq("data.dir=bin", &[])));
    assert!(joined.contains("the references are the test set's ids joined to words"), "{joined}");
    let run = |reference: &str| {
        let named = format!("data.test_reference={reference}");
        program.output(&arguments(&["run", "--json"], &over_fairseq("data.dir=bin", &["--set", &named])))
    };
    let [_, _, test] = toy(1, [300, 20, 20]).unwrap();
    program.write("raw", &test.targets.join("\n"));
    let results: Value = serde_json::from_str(&run("raw")).unwrap();
    assert_eq!(results.get("joined_references"), None);
    program.write("bin/raw", &"nothing like it\n".repeat(20));
    let others: Value = serde_json::from_str(&run("raw")).unwrap();
    assert_eq!(others["rows"][0]["bleu"], 0.0, "what lies beside the text comes first, and is scored anew");
    program.write("bin/raw", "too short\n");
    let arguments = arguments(&["data"], &over_fairseq("data.dir=bin", &["--set", "data.test_reference=raw"]));
    let error = program.refusal(&arguments, "");
    assert!(error.contains("bin/raw: 1 lines where `data.test` has 20 pairs"), "{error}");
}
