//! Running the program in a folder of its own.

use crate::shared::shared;
use assert_cmd::Command;
use std::path::Path;
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// A toy run that takes seconds: `--config toy` with these settings.
pub const TINY: [&str; 14] = [
    "--config",
    "toy",
    "--set",
    "data.toy_pairs=[300, 20, 20]",
    "--set",
    "train.max_updates=24",
    "--set",
    "train.validate_every=8",
    "--set",
    "train.save_every=4",
    "--set",
    "search.population=8",
    "--set",
    "search.generations=2",
];

/// A folder and the program in it.
pub struct Program {
    folder: TempDir,
}

impl Program {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// A program with the inputs of `../shared/field/NAME` in its folder; `None`, after a line, where they are absent.
    pub fn of_field(name: &str) -> Option<Self> {
        let folder = shared(name, &format!("field/{name}"))?;
        let program = Self::new();
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, program.folder().join(path.file_name().unwrap())).expect("copied");
        }
        Some(program)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("automoe").unwrap();
        // Messages are compared without colours.
        command.current_dir(self.folder()).args(arguments).env_remove("CLICOLOR_FORCE");
        command
    }

    /// Starts a call that says nothing, to be killed.
    pub fn start(&self, arguments: &[&str]) -> Child {
        std::process::Command::new(assert_cmd::cargo::cargo_bin!("automoe"))
            .args(arguments)
            .current_dir(self.folder())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Standard output of a call that succeeds.
    pub fn output(&self, arguments: &[&str]) -> String {
        self.output_of(arguments, "")
    }

    /// The same with something on standard input.
    pub fn output_of(&self, arguments: &[&str], input: &str) -> String {
        let output = self.command(arguments).write_stdin(input).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a call that succeeds says on standard error.
    pub fn messages(&self, arguments: &[&str], input: &str) -> String {
        let output = self.command(arguments).write_stdin(input).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        errors
    }

    /// The one line that a call with bad input is answered with: exit code 2, nothing printed, nothing written.
    pub fn refusal(&self, arguments: &[&str], input: &str) -> String {
        let before = self.files();
        let output = self.command(arguments).write_stdin(input).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed something");
        assert_eq!(errors.trim_end().lines().count(), 1, "{arguments:?}: {errors}");
        assert_eq!(self.files(), before, "{arguments:?} wrote something");
        errors
    }

    /// The last line of a call that is refused once its run directory is open: exit code 2, nothing printed.
    pub fn refusal_after_start(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed something");
        errors.lines().last().unwrap_or_default().to_owned()
    }

    /// All files below the folder.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(self.folder()).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }
}

/// `first` followed by `rest`.
pub fn arguments<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}
