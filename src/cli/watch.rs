//! `automoe watch`: a run as it goes, from another terminal.

use super::output;
use crate::error::Result;
use crate::interrupt::Interruptible;
use crate::live::{Phase, Watched};
use console::Term;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at the run.
const LOOK: Duration = Duration::from_secs(1);
/// How soon Ctrl-C is answered.
const ANSWER: Duration = Duration::from_millis(50);
/// Columns and lines, one of them for a prompt, where there is no terminal that has its own.
const PLAIN: (usize, usize) = (80, 41);

/// Watch a run that goes on in another terminal or on another machine.
///
/// It shows what the run is at, its losses, the front of its search and its best trials, as they grow, and ends with the run, or by
/// Ctrl-C. The run's files are read, and nothing is written, or kept locked; what cannot be read of them is named. Where standard output
/// is no terminal it prints all of that once, as it is now.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe watch runs/toy
  automoe watch runs/toy | head -1                     # what it is at
  automoe watch runs/toy --json | jq .search.best.loss")]
pub struct WatchArgs {
    /// A run directory
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// Print the figures once, as one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows the run.
///
/// # Errors
/// No run there, or files of it that are damaged.
pub fn run(args: WatchArgs) -> Result<()> {
    let mut watched = Watched::open(&args.run)?;
    if args.json {
        watched.look()?;
        return output::json_line(&mut io::stdout().lock(), &watched.to_json()).map(|_| ());
    }
    if io::stdout().is_terminal() {
        follow(&mut watched)?;
    }
    // On a terminal what was seen last stays, above the prompt.
    let (width, height) = if io::stdout().is_terminal() { room() } else { PLAIN };
    let height = height.saturating_sub(1);
    watched.look()?;
    let lines = watched.lines(width, height);
    output::write(&mut io::stdout().lock(), &format!("{}\n", lines.join("\n"))).map(|_| ())
}

/// Shows the run again and again, until it is over or a signal comes.
fn follow(watched: &mut Watched) -> Result<()> {
    let interruptible = Interruptible::begin();
    if watched.look()?.phase == Phase::Finished {
        return Ok(());
    }
    let screen = Screen::open()?;
    loop {
        let is_over = watched.look()?.phase == Phase::Finished;
        let (width, height) = room();
        if is_over || !screen.draw(&watched.lines(width, height))? {
            return Ok(());
        }
        let drawn = Instant::now();
        while drawn.elapsed() < LOOK {
            if interruptible.was_interrupted() {
                return Ok(());
            }
            thread::sleep(ANSWER);
        }
    }
}

/// Columns and lines of the terminal; the last column stays free, where terminals differ in when they begin a new line.
fn room() -> (usize, usize) {
    let (height, width) = Term::stdout().size();
    (usize::from(width).saturating_sub(1), usize::from(height))
}

/// The terminal's other screen; what was on it before is there again when this is dropped.
struct Screen(());

impl Screen {
    fn open() -> Result<Self> {
        // The other screen, without a cursor.
        output::write(&mut io::stdout().lock(), "\x1b[?1049h\x1b[?25l").map(|_| Self(()))
    }

    /// Draws over what is there, in one piece, so that nothing flickers. False where the terminal has gone.
    fn draw(&self, lines: &[String]) -> Result<bool> {
        // Each line clears what is behind it, the last one what is below, too.
        let text = lines.join("\x1b[K\r\n");
        output::write(&mut io::stdout().lock(), &format!("\x1b[H{text}\x1b[K\x1b[J"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody may be there to see it any more.
        drop(output::write(&mut io::stdout().lock(), "\x1b[?25h\x1b[?1049l"));
    }
}
