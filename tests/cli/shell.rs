//! What shells and terminals are given: completions, manual pages, colours.

use super::program::Program;

#[test]
fn every_shell_gets_completions_of_every_subcommand() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = program.output(&["completions", shell]);
        for word in ["translate", "latency", "--max-gflops", "completions"] {
            // Fish names options without their dashes.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    let message = program.command(&["completions", "tcsh"]).output().unwrap();
    assert_eq!(message.status.code(), Some(2));
}

#[test]
fn manual_pages_are_one_a_subcommand() {
    let program = Program::new();
    program.output(&["man", "pages/man1"]);
    let pages = program.files();
    for name in ["automoe", "automoe-search", "automoe-latency", "automoe-latency-fit"] {
        assert!(pages.contains(&format!("pages/man1/{name}.1")), "{pages:?}");
    }
    let page = std::fs::read_to_string(program.folder().join("pages/man1/automoe-search.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("max\\-gflops"), "{page}");
    program.write("file", "");
    assert!(program.refusal(&["man", "file"], "").contains("file"));
}

/// Whether what the program writes to standard error and output, with these options, is coloured.
fn coloured(options: &[&str]) -> bool {
    let output = Program::new().command(options).output().unwrap();
    [output.stdout, output.stderr].concat().contains(&0x1B)
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let calls: [&[&str]; 4] =
        [&["--help"], &["space", "--nonsense"], &["cost", "--config", "absent.toml"], &["latency", "fit", "--help"]];
    for call in calls {
        assert!(!coloured(call), "{call:?}");
        assert!(!coloured(&[call, &["--color=never"]].concat()), "{call:?}");
        assert!(coloured(&[&["--color", "always"], call].concat()), "{call:?}");
    }
    let error = Program::new().command(&["--color", "always", "cost", "--config", "absent.toml"]).output().unwrap();
    assert!(String::from_utf8(error.stderr).unwrap().starts_with("\u{1b}[1m\u{1b}[31mautomoe:\u{1b}[0m "));
}
