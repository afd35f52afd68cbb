//! What a run has written, and was changed, torn or removed since.

use super::program::{Program, TINY, arguments};
use std::path::{Path, PathBuf};

/// A finished run in `runs/toy`.
fn finished() -> Program {
    let program = Program::new();
    program.output(&arguments(&["run"], &TINY));
    program
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Adds one to a digit of `text`: the first behind the last `key`.
fn with_another_digit(text: &str, key: &str) -> String {
    let start = text.rfind(key).unwrap() + key.len();
    let place = start + text[start..].find(|character: char| ('1'..'9').contains(&character)).unwrap();
    let digit = char::from(text.as_bytes()[place] + 1);
    format!("{}{digit}{}", &text[..place], &text[place + 1..])
}

#[test]
fn a_changed_digit_is_refused_and_named() {
    let program = finished();
    let path = |name: &str| -> PathBuf { program.folder().join("runs/toy").join(name) };
    let trials = read(&path("search/trials.jsonl")).lines().count();
    let last_trial = format!("runs/toy/search/trials.jsonl:{trials}: damaged");
    for (file, key, command, expected, advice) in [
        ("results.json", "\"bleu\": ", "run", "runs/toy/results.json: damaged", "remove the file"),
        ("results.json", "\"mean_ms\": ", "run", "runs/toy/results.json: damaged", "remove the file"),
        ("results.json", "\"settings\": \"", "run", "runs/toy/results.json: damaged", "remove the file"),
        ("search/trials.jsonl", "\"loss\":", "search", last_trial.as_str(), "remove that line"),
        ("search/trials.jsonl", "\"gflops\":", "search", last_trial.as_str(), "remove that line"),
        ("search/record.json", "\"weights\": \"", "search", "runs/toy/search/record.json: damaged", "--fresh"),
        ("manifest.json", "\"data\": \"", "search", "runs/toy/manifest.json: damaged", "another run_dir"),
    ] {
        let intact = read(&path(file));
        std::fs::write(path(file), with_another_digit(&intact, key)).unwrap();
        let message = program.refusal_after_start(&arguments(&[command], &TINY));
        assert!(message.contains(expected) && message.contains(advice), "{file}, {key}: {message}");
        std::fs::write(path(file), intact).unwrap();
    }
    let message = {
        let intact = read(&path("results.json"));
        std::fs::write(path("results.json"), with_another_digit(&intact, "\"bleu\": ")).unwrap();
        let message = program.refusal(&["table", "paper", "--run", "runs/toy"], "");
        std::fs::write(path("results.json"), intact).unwrap();
        message
    };
    assert!(message.contains("runs/toy/results.json: damaged"), "{message}");
    // Another layout is no damage.
    let laid_out: serde_json::Value = serde_json::from_str(&read(&path("results.json"))).unwrap();
    std::fs::write(path("results.json"), laid_out.to_string()).unwrap();
    let output = program.command(&arguments(&["run"], &TINY)).output().unwrap();
    assert!(output.status.success());
}

#[test]
fn records_without_checksums_are_taken_as_they_are() {
    let program = finished();
    let run = program.folder().join("runs/toy");
    for file in ["results.json", "manifest.json", "search/record.json"] {
        let mut record: serde_json::Value = serde_json::from_str(&read(&run.join(file))).unwrap();
        assert!(record.as_object_mut().unwrap().remove("checksum").is_some(), "{file}");
        std::fs::write(run.join(file), record.to_string()).unwrap();
    }
    let trials = read(&run.join("search/trials.jsonl"));
    let without = trials.lines().map(|line| line.rsplit_once(",\"checksum\":").unwrap().0.to_owned() + "}\n");
    std::fs::write(run.join("search/trials.jsonl"), without.collect::<String>()).unwrap();
    for command in ["run", "search"] {
        program.output(&arguments(&[command], &TINY));
    }
}

#[test]
fn a_torn_line_is_told_and_done_again() {
    let program = Program::new();
    for command in ["train", "search"] {
        program.output(&arguments(&[command], &TINY));
    }
    let path = program.folder().join("runs/toy/search/trials.jsonl");
    let whole = read(&path);
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    let output = program.command(&arguments(&["search"], &TINY)).output().unwrap();
    assert!(output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    let told = format!("runs/toy/search/trials.jsonl:{}: the last line is torn", lines.len());
    assert!(errors.contains(&told) && errors.contains("done again"), "{errors}");
    assert_eq!(read(&path).lines().count(), lines.len());
    let (torn, column) = (&lines[2][..100], "column 100");
    std::fs::write(&path, [lines[0], lines[1], torn, lines[3]].join("\n") + "\n").unwrap();
    let message = program.refusal_after_start(&arguments(&["search"], &TINY));
    for part in ["runs/toy/search/trials.jsonl:3: ", "it is torn", column, "remove that line"] {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}
