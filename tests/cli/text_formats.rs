//! Text in the formats that a config can name.

use super::program::{Program, TINY, arguments};
use automoe::interop::safetensors::read_safetensors;
use automoe::text::ParallelText;
use automoe::text::toy::toy;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// A tiny run over text in the program's folder.
const OVER_FILES: [&str; 8] = [
    "--set",
    "data.corpus=files",
    "--set",
    "data.dir=.",
    "--set",
    "data.source_lang=xx",
    "--set",
    "data.target_lang=yy",
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
