//! Bad input: one clear line, exit code 2, nothing written.

use super::program::{Program, TINY, arguments};

/// A config over files of our own.
const FILES: &str = r#"
[data]
corpus = "files"
dir = "."
source_lang = "xx"
target_lang = "yy"
train = ["train"]
valid = ["valid"]
test = ["test"]
vocab_size = 50
"#;

fn assert_names(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

#[test]
fn a_config_that_is_not_there() {
    let program = Program::new();
    for command in ["space", "data", "train", "search", "cost", "run"] {
        let message = program.refusal(&[command, "--config", "nowhere.toml"], "");
        assert_names(&message, &["nowhere.toml"]);
    }
}

#[test]
fn a_wrong_key_is_answered_with_its_line_and_a_suggestion() {
    let program = Program::new();
    program.write("a.toml", "seed = 3\n\n[train]\nmax_updaets = 5\n");
    for command in ["space", "data", "train", "search", "cost", "run"] {
        let message = program.refusal(&[command, "--config", "a.toml"], "");
        assert_names(&message, &["a.toml:4", "max_updaets", "max_updates"]);
    }
    let message = program.refusal(&["train", "--set", "train.lr=fast"], "");
    assert_names(&message, &["train.lr"]);
}

#[test]
fn errors_are_json_where_messages_are() {
    let output = Program::new().command(&["latency", "fit", "absent.csv", "--log-format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["level"], "ERROR");
    assert!(error["message"].as_str().unwrap().starts_with("absent.csv: "), "{error}");
}

#[test]
fn a_wrong_architecture() {
    let program = Program::new();
    program.write("a.json", "[]");
    for command in ["cost", "train"] {
        let message = program.refusal(&[command, "--arch", "a.json"], "");
        assert_names(&message, &["a.json"]);
        let message = program.refusal(&[command, "--arch", "-"], "not json\n");
        assert_names(&message, &["stdin:1"]);
        let message = program.refusal(&[command, "--arch", "absent.json"], "");
        assert_names(&message, &["absent.json"]);
    }
}

#[test]
fn an_architecture_outside_the_space_is_told_gene_by_gene() {
    let program = Program::new();
    let largest = program.output(&["space", "--largest"]);
    let output =
        program.command(&["space", "--check", "-"]).write_stdin(largest.replace("128", "100")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_names(&String::from_utf8(output.stdout).unwrap(), &["encoder_ffn_embed_dim", "100", "128"]);
    assert_eq!(program.output_of(&["space", "--check", "-"], &largest), "");
    // It can be trained all the same.
    program.write("odd.json", &largest.replace("128", "100"));
    let output = program.command(&arguments(&["train", "--arch", "odd.json"], &TINY)).output().unwrap();
    assert!(output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    let warnings: Vec<&str> = errors.lines().filter(|line| line.contains("outside the config's space")).collect();
    assert_eq!(warnings.len(), 1, "{errors}");
    assert_names(warnings[0], &["encoder_ffn_embed_dim", "100", "128"]);
}

#[test]
fn corpora_that_cannot_be_used() {
    let program = Program::new();
    program.write("c.toml", FILES);
    let message = program.refusal(&["data", "--config", "c.toml"], "");
    assert_names(&message, &["train.xx"]);
    for name in ["train.xx", "train.yy", "valid.xx", "valid.yy", "test.xx", "test.yy"] {
        program.write(name, "");
    }
    let message = program.refusal(&["data", "--config", "c.toml"], "");
    assert_names(&message, &["train"]);
    program.write("train.xx", "a b\nc d\n");
    program.write("train.yy", "a b\n");
    for command in ["data", "train", "run"] {
        let message = program.refusal(&[command, "--config", "c.toml"], "");
        assert_names(&message, &["train.xx", "train.yy", "2", "1"]);
    }
}

#[test]
fn tsv_that_cannot_be_used() {
    let program = Program::new();
    program.write("c.toml", &FILES.replace(r#"["train"]"#, r#"["train.tsv"]"#));
    for command in ["data", "train", "run"] {
        let message = program.refusal(&[command, "--config", "c.toml"], "");
        assert_names(&message, &["train.tsv nor ", "train.tsv.gz", "train.tsv.xx nor ", "train.tsv.xx.gz"]);
    }
    let needs = program.output(&["train", "--config", "c.toml", "--dry-run"]);
    let needs: serde_json::Value = serde_json::from_str(&needs).unwrap();
    assert_names(needs["missing"][0].as_str().unwrap(), &["train.tsv nor ", "train.tsv.xx"]);
    for name in ["valid.xx", "valid.yy", "test.xx", "test.yy"] {
        program.write(name, "a\n");
    }
    for (text, tabs) in [("a\tb\na b\n", "line 2: 0 tabs"), ("a\tb\na\tb\tc\n", "line 2: 2 tabs")] {
        program.write("train.tsv", text);
        let message = program.refusal(&["data", "--config", "c.toml"], "");
        assert_names(&message, &["train.tsv: ", tabs, "expected one"]);
    }
    program.write("train.tsv", "");
    assert_names(&program.refusal(&["data", "--config", "c.toml"], ""), &["no sentence pairs in train.tsv"]);
    let needs = program.output(&["train", "--config", "c.toml", "--dry-run"]);
    let needs: serde_json::Value = serde_json::from_str(&needs).unwrap();
    assert_eq!(needs["missing"].as_array().unwrap().len(), 0);
    assert_names(needs["found"][0].as_str().unwrap(), &["train.tsv"]);
    program.write("train.tsv.xx", "a\n");
    let message = program.refusal(&["data", "--config", "c.toml"], "");
    assert_names(&message, &["`train.tsv` may be two files or TSV", "rename one"]);
}

#[test]
fn checkpoints_that_cannot_be_used() {
    let program = Program::new();
    let message = program.refusal(&["translate", "--checkpoint", "nowhere"], "a\n");
    assert_names(&message, &["nowhere"]);
    program.write("broken.safetensors", "junk");
    let message = program.refusal(&["translate", "--checkpoint", "broken.safetensors"], "a\n");
    assert_names(&message, &["broken.safetensors"]);
}

#[test]
fn paths_that_lead_to_something_else() {
    let program = Program::new();
    program.write("file", "");
    std::fs::create_dir(program.folder().join("folder")).unwrap();
    for (command, part) in [
        (&["train", "--run-dir", "file"][..], "cannot create file: "),
        (&["train", "--run-dir", "file/below"], "cannot create file/below: "),
        (&["latency", "collect", "--samples", "1", "--out", "absent/here.csv"], "cannot write absent/here.csv: "),
        (&["import", "folder"], "folder: cannot be read: Is a directory"),
    ] {
        let output = program.command(command).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {errors}");
        assert_names(errors.lines().last().unwrap_or_default(), &[part]);
    }
    program.output(&arguments(&["train"], &TINY));
    std::fs::create_dir(program.folder().join("folder.safetensors")).unwrap();
    for file in ["folder.safetensors", "absent/x.safetensors"] {
        let message = program.refusal(&["export", "--checkpoint", "runs/toy/supernet", "--out", file], "");
        assert_names(&message, &["cannot write ", file]);
    }
    let folder = std::fs::File::open(program.folder()).unwrap();
    let translate = ["translate", "--checkpoint", "runs/toy/supernet"];
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
        .args(translate)
        .current_dir(program.folder())
        .stdin(folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn unknown_devices_and_usage() {
    let program = Program::new();
    let message = program.refusal(&["train", "--device", "tpu"], "");
    assert_names(&message, &["tpu", "cpu", "vulkan"]);
    let output = program.command(&["train", "--no-such-option"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for wrong in [&["train", "--no-such-option"][..], &["train", "--color", "pink"], &["no-such-command"]] {
        for format in [&["--log-format", "json"][..], &["--log-format=json"]] {
            let message = program.refusal(&arguments(wrong, format), "");
            let message: serde_json::Value = serde_json::from_str(&message).unwrap();
            assert_eq!(message["level"], "ERROR");
            assert!(message["message"].as_str().unwrap().contains(wrong.last().unwrap()), "{message}");
        }
    }
}

#[test]
fn scores_of_lines_that_do_not_pair() {
    let program = Program::new();
    program.write("reference.txt", "one\ntwo\n");
    let message = program.refusal(&["score", "--reference", "reference.txt"], "one\n");
    assert_names(&message, &["1", "2"]);
    let message = program.refusal(&["score", "--reference", "absent.txt"], "one\n");
    assert_names(&message, &["absent.txt"]);
}

#[test]
fn tokenised_translations_are_told() {
    let program = Program::new();
    let (tokenized, plain) = ("one two three four .\n".repeat(3), "one two three four.\n".repeat(2));
    // Of five lines three are most; of many, a hundred are enough.
    for (text, is_told) in [
        (format!("{tokenized}{plain}"), true),
        (format!("{tokenized}{plain}one two three four.\n"), false),
        (format!("{}{}", "one two three four .\n".repeat(100), plain.repeat(200)), true),
        (format!("{}{}", "one two three four .\n".repeat(99), plain.repeat(200)), false),
    ] {
        program.write("reference.txt", &text);
        for (options, is_asked) in [(&[][..], true), (&["--tokenize", "none"], false), (&["--metric", "chrf"], false)] {
            let score = arguments(&["score", "--json", "--reference", "reference.txt"], options);
            let output = program.command(&score).write_stdin(text.as_str()).output().unwrap();
            let (errors, scores) =
                (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
            assert_eq!(errors.contains("end in a tokenised period"), is_told && is_asked, "{options:?}: {errors}");
            assert!(scores.lines().all(|line| line.contains("\"score\":100.0,")), "{scores}");
        }
    }
}

#[test]
fn what_is_refused_once_the_run_has_begun_leaves_no_run_behind() {
    let program = Program::new();
    let smallest = program.output(&["space", "--config", "toy", "--smallest"]);
    program.write("a.json", &smallest);
    for wrong in [
        &["train", "--set", "train.max_tokens=3"][..],
        &["train", "--arch", "a.json", "--inherit"],
        &["train", "--arch", "a.json", "--name", "../../x"],
    ] {
        let message = program.refusal_after_start(&arguments(wrong, &TINY));
        assert!(!program.folder().join("runs/toy").exists(), "{wrong:?} left a run behind: {message}");
    }
    // What was made before stays.
    program.output(&arguments(&["train"], &TINY));
    program.refusal_after_start(&arguments(&["train", "--arch", "a.json", "--name", "../../x"], &TINY));
    assert!(program.folder().join("runs/toy/supernet/last.safetensors").exists());
}
