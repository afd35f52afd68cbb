//! The `automoe` program: see [`automoe::cli`].

mod allocator;
mod descriptors;

use automoe::cli::{self, Cli};
use automoe::world;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_free_pages();
    #[cfg(feature = "gpu")]
    settle_graphics();
    let cli = Cli::from_environment();
    let tells_in_json = cli.tells_in_json();
    let exit_code = match cli::main(cli, descriptors::has_output()) {
        Ok(()) => 0,
        Err(error) => {
            match tells_in_json {
                _ if !world::tells() => {}
                true => error.to_string().lines().for_each(|line| tracing::error!("{line}")),
                // Nobody may be there to read it any more.
                false => drop(write!(anstream::stderr(), "{}", cli::error_lines(&error))),
            }
            error.exit_code()
        }
    };
    world::end(exit_code);
    ExitCode::from(exit_code)
}

/// Graphics drivers complain of a missing folder for sockets on machines without a desktop, though none is used here.
#[cfg(feature = "gpu")]
fn settle_graphics() {
    const FOLDER: &str = "XDG_RUNTIME_DIR";
    if std::env::var_os(FOLDER).is_none() {
        // SAFETY: nothing else runs yet that could read the environment.
        unsafe { std::env::set_var(FOLDER, std::env::temp_dir()) }
    }
}
