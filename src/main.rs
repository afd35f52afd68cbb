//! The `automoe` program: see [`automoe::cli`].

mod allocator;

use automoe::cli::{self, Cli};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_free_pages();
    match cli::main(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("automoe: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
