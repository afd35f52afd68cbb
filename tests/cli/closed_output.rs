//! Results that cannot be written.

use super::program::Program;
use std::process::{Command, Output};

/// Runs the program from a shell that redirects its output.
fn redirected(program: &Program, arguments: &[&str], redirection: &str) -> Output {
    let script = format!("exec \"$0\" \"$@\" {redirection}");
    Command::new("sh")
        .args(["-c", &script])
        .arg(assert_cmd::cargo::cargo_bin!("automoe"))
        .args(arguments)
        .current_dir(program.folder())
        .output()
        .unwrap()
}

#[test]
fn results_without_a_place_to_go_are_a_failure() {
    let program = Program::new();
    program.write("a", "one two\n");
    program.output(&[
        "train",
        "--config",
        "toy",
        "--set",
        "data.toy_pairs=[300, 20, 20]",
        "--set",
        "train.max_updates=1",
    ]);
    for arguments in [
        &["space", "--config", "toy"][..],
        &["space", "--config", "toy", "--sample", "3"],
        &["data", "--config", "toy"],
        &["train", "--config", "toy", "--dry-run"],
        &["translate", "--checkpoint", "runs/toy/supernet"],
        &["score", "--reference", "a"],
        &["table", "paper"],
        &["completions", "bash"],
    ] {
        for (redirection, message) in
            [(">&-", "standard output is closed"), (">/dev/full", "standard output: No space")]
        {
            if redirection.ends_with("full") && !std::path::Path::new("/dev/full").exists() {
                continue;
            }
            let output = redirected(&program, arguments, &format!("{redirection} <a"));
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {redirection}: {errors}");
            assert!(errors.lines().last().is_some_and(|line| line.contains(message)), "{arguments:?}: {errors}");
        }
        // Output that is thrown away on purpose.
        let output = redirected(&program, arguments, ">/dev/null <a");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
