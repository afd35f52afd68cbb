//! Files for other programs, read by those programs' own Python packages.

mod optuna;
mod tensorboard;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// What `script` prints for `arguments`, by the Python that `AUTOMOE_PYTHON` names (else `python3`). Where that lacks `package`,
/// nothing, after a line that says that `test` is skipped.
fn python(test: &str, package: &str, script: &Path, arguments: &[&Path]) -> Option<String> {
    let python = std::env::var_os("AUTOMOE_PYTHON").unwrap_or_else(|| "python3".into());
    let has_package = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if !has_package.is_ok_and(|output| output.status.success()) {
        // Not by println!, which the harness keeps to itself.
        let line = format!("{test}: skipped, no Python with {package} (set AUTOMOE_PYTHON)\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let output = Command::new(&python).arg(script).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A script beside this file.
fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/viewers").join(name)
}
