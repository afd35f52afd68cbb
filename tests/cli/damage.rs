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

/// The results of `automoe run` and its messages.
fn run(program: &Program) -> (serde_json::Value, String) {
    let output = program.command(&arguments(&["run", "--json"], &TINY)).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    (serde_json::from_slice(&output.stdout).unwrap(), errors)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn rows_hold_for_the_weights_that_they_were_measured_on() {
    let program = finished();
    let (first, errors) = run(&program);
    assert!(!errors.contains("results.json"), "{errors}");
    assert!(first["rows"].as_array().unwrap().iter().all(|row| row["weights"].as_str().unwrap().len() == 64));
    let folder = |name: &str| program.folder().join("runs/toy").join(name);

    // As version 0.1.0 wrote them: taken as they are, and noted down.
    let mut before = first.clone();
    for row in before["rows"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("weights");
    }
    std::fs::write(folder("results.json"), before.to_string()).unwrap();
    let (taken, errors) = run(&program);
    assert_eq!(taken, first);
    assert!(errors.contains("runs/toy/results.json: it does not say of which weights"), "{errors}");
    assert!(!run(&program).1.contains("results.json"));

    // The same training ends with the same weights, and its latency is measured anew.
    std::fs::remove_dir_all(folder("models/winner")).unwrap();
    let (again, errors) = run(&program);
    assert!(errors.contains("results.json: models/winner is gone, and is trained and measured again"), "{errors}");
    assert!(folder("models/winner/best.safetensors").is_file());
    assert_eq!([&again["rows"][0], &again["rows"][2]], [&first["rows"][0], &first["rows"][2]]);
    assert_eq!(again["rows"][1]["weights"], first["rows"][1]["weights"]);
    assert_ne!(again["rows"][1]["latency"], first["rows"][1]["latency"]);

    // Another training of it.
    std::fs::remove_dir_all(folder("models/winner")).unwrap();
    let winner = ["train", "--arch", "runs/toy/search/winner.json", "--name", "winner", "--inherit"];
    program.output(&arguments(&winner, &TINY));
    let (other, errors) = run(&program);
    assert!(errors.contains("results.json: models/winner has other weights than were measured"), "{errors}");
    assert_ne!(other["rows"][1]["weights"], first["rows"][1]["weights"]);
    assert_ne!(other["rows"][1]["chrf"], first["rows"][1]["chrf"]);
    assert_eq!(other["rows"][0], first["rows"][0]);
    assert!(!run(&program).1.contains("results.json"));

    // Another SuperNet: the search was done with the first, and is done again.
    let elsewhere = ["--run-dir", "runs/b", "--set", "train.adam_eps=1e-4"];
    program.output(&arguments(&arguments(&["train"], &TINY), &elsewhere));
    std::fs::remove_dir_all(folder("supernet")).unwrap();
    copy_folder(&program.folder().join("runs/b/supernet"), &folder("supernet"));
    let message = program.refusal_after_start(&arguments(&["search"], &TINY));
    assert!(message.contains("automoe search --fresh"), "{message}");
    let trials = std::fs::read_to_string(folder("search/trials.jsonl")).unwrap();
    let (searched, errors) = run(&program);
    assert!(errors.contains("results.json: supernet has other weights than were measured"), "{errors}");
    assert!(errors.contains("trials.jsonl: these trials were measured with other weights"), "{errors}");
    assert_eq!(std::fs::read_to_string(folder("search/trials.jsonl.1")).unwrap(), trials);
    assert_ne!(searched["rows"][0]["weights"], first["rows"][0]["weights"]);
}
