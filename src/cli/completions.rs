//! `automoe completions`: what a shell needs to complete the command line.

use super::output;
use crate::error::Result;
use clap::Command;
use clap_complete::Shell;
use std::io;

/// Print what a shell needs to complete subcommands and options.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe completions bash > ~/.local/share/bash-completion/completions/automoe
  automoe completions zsh > ~/.zfunc/_automoe                       # with ~/.zfunc in fpath
  automoe completions fish > ~/.config/fish/completions/automoe.fish
  automoe completions powershell >> $PROFILE")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the shell's script for the whole command line, `program`.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: CompletionsArgs, mut program: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "automoe", &mut script);
    output::write(&mut io::stdout().lock(), &String::from_utf8_lossy(&script)).map(|_| ())
}
