//! `automoe config`, and what is said of configs that cannot be used.

use super::program::Program;
use serde_json::Value;

#[test]
fn a_new_config_is_written_with_its_schema_and_nothing_is_overwritten() {
    let program = Program::new();
    assert_eq!(program.output(&["config", "--new", "my.toml", "--set", "seed=7"]), "");
    assert_eq!(program.files(), ["my.schema.json", "my.toml"]);
    let read = |name: &str| std::fs::read_to_string(program.folder().join(name)).unwrap();
    assert!(read("my.toml").starts_with("#:schema ./my.schema.json\n"));
    let printed = program.output(&["config", "--schema"]);
    assert_eq!(read("my.schema.json"), printed);
    let schema: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["properties"]["search"]["properties"]["population"]["default"], 125);
    // It is a config like that which it began with.
    let draw = |config: &[&str]| program.output(&[&["space", "--sample", "3"], config].concat());
    assert_eq!(draw(&["--config", "my.toml"]), draw(&["--config", "toy", "--set", "seed=7"]));
    let shown = program.output(&["config", "--show", "--config", "my.toml", "--set", "train.lr=1"]);
    assert!(
        shown.contains("run_dir = \"runs/my\"  # default\n") && shown.contains("  # --set train.lr=1\n"),
        "{shown}"
    );
    program.write("shown.toml", &shown);
    assert_eq!(draw(&["--config", "shown.toml"]), draw(&["--config", "my.toml"]));

    program.write("other.schema.json", "{}");
    for (file, expected) in [
        ("my.toml", "my.toml: is there already: give another name"),
        ("other.toml", "other.schema.json: is there already: give another name"),
        ("plain", "plain: expected a name that ends in .toml"),
        ("absent/my.toml", "cannot write absent/my.toml: there is no such folder"),
    ] {
        let message = program.refusal(&["config", "--new", file], "");
        assert!(message.contains(expected), "{message}");
    }
    let message = program.refusal(&["config", "--new", "fresh.toml", "--config", "nowhere"], "");
    assert!(message.contains("no config \"nowhere\""), "{message}");
}

#[test]
fn keys_are_explained_and_near_names_suggested() {
    let program = Program::new();
    let explained = program.output(&["config", "--explain", "search.population"]);
    assert!(explained.starts_with("search.population\nSize of the population.\n\ntype "), "{explained}");
    let message = program.refusal(&["config", "--explain", "population"], "");
    assert!(message.contains("did you mean \"search.population\"?"), "{message}");
}

#[test]
fn one_thing_is_asked_for() {
    let program = Program::new();
    for wrong in [
        &["config"][..],
        &["config", "--show", "--schema"],
        &["config", "--schema", "--config", "toy"],
        &["config", "--explain", "seed", "--set", "seed=2"],
    ] {
        let output = program.command(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn all_that_is_wrong_with_a_config_is_told_a_line_each() {
    let program = Program::new();
    program.write("a.toml", "sed = 3\n\n[train]\nmax_updaets = 5\nlr = \"fast\"\n");
    let expected = [
        "a.toml:1: unknown key \"sed\"; did you mean \"seed\"?",
        "a.toml:4: unknown key \"max_updaets\" in [train]; did you mean \"max_updates\"?",
        "a.toml:5: train.lr: expected a number, found string \"fast\"",
        "--set train.log_every=-1: expected a whole number, 0 or more, found integer `-1`",
    ];
    for command in ["space", "data", "train", "search", "cost", "run"] {
        let call = [command, "--config", "a.toml", "--set", "train.log_every=-1"];
        let output = program.command(&call).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(output.stdout.is_empty());
        let lines: Vec<_> = errors.lines().map(|line| line.strip_prefix("automoe: ").unwrap_or(line)).collect();
        assert_eq!(lines, expected);
        let output = program.command(&[&call[..], &["--log-format", "json"]].concat()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        let messages: Vec<Value> = errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(messages.iter().map(|line| line["message"].as_str().unwrap()).eq(expected), "{errors}");
    }
    assert_eq!(program.files(), ["a.toml"]);
}

#[test]
fn all_that_is_wrong_with_an_architecture_is_told_a_line_each() {
    let program = Program::new();
    let largest = program.output(&["space", "--largest"]);
    let wrong = largest.replace("\"encoder_embed_dim\":64", "\"foo\":1,\"encoder_embed_dim\":\"wide\"");
    program.write("a.json", &format!("{largest}{wrong}"));
    for command in [&["cost", "--arch", "a.json"][..], &["space", "--check", "a.json"]] {
        let output = program.command(command).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        let lines: Vec<_> = errors.lines().collect();
        assert_eq!(lines.len(), 2, "{errors}");
        assert!(
            lines[0].starts_with("automoe: a.json:2: unknown key \"foo\"; expected one of encoder_embed_dim, "),
            "{errors}"
        );
        assert!(lines[1].starts_with("automoe: a.json:2: encoder_embed_dim: expected a whole number"), "{errors}");
    }
}
