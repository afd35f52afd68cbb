//! The `automoe` program: see [`automoe::cli`].

use automoe::cli::{self, Cli};
use clap::Parser;
use std::process::ExitCode;

/// Keeps freed pages: fresh results of tens of megabytes would otherwise be cleared by the kernel again and again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::main(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("automoe: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
