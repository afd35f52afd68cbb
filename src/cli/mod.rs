//! The command line: one thin file a subcommand, which parses, calls the library, and prints.

mod architectures;
mod color;
pub mod completions;
pub mod config;
mod constraints;
pub mod cost;
pub mod data;
mod early;
pub mod export;
pub mod import;
pub mod latency;
pub mod logging;
pub mod man;
mod options;
mod output;
mod ranges;
mod read_ahead;
pub mod rank;
pub mod report;
pub mod run;
pub mod score;
pub mod search;
pub mod space;
pub mod table;
pub mod train;
pub mod translate;
pub mod watch;

use crate::error::{Error, Result};
use crate::pipeline::dismiss;
use crate::world;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Searches for sparse mixture-of-experts Transformers.
///
/// Results go to standard output, messages and progress to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage or
/// unusable input, 130 interrupted.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Start here:
  automoe run --config toy                          all phases on a small invented language pair
  automoe space --config toy --sample 3 | automoe cost --arch -
  automoe train --config wmt14-en-de --dry-run      what a full-size run needs"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: logging::LogArgs,
}

impl Cli {
    /// What the process was called with. Help, and wrong usage, end the process.
    pub fn from_environment() -> Self {
        let color = early::value_of("--color", std::env::args_os()).unwrap_or_default();
        let matches = Self::command().color(color).try_get_matches();
        matches.and_then(|matches| Self::from_arg_matches(&matches)).unwrap_or_else(|error| refuse(&error))
    }

    /// Whether messages are JSON objects, as errors should be then.
    pub fn tells_in_json(&self) -> bool {
        self.log.log_format == logging::LogFormat::Json
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Space(space::SpaceArgs),
    Data(data::DataArgs),
    Train(train::TrainArgs),
    Search(search::SearchArgs),
    Rank(rank::RankArgs),
    Cost(cost::CostArgs),
    Latency(latency::LatencyArgs),
    Translate(translate::TranslateArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Score(score::ScoreArgs),
    Run(run::RunArgs),
    Watch(watch::WatchArgs),
    Report(report::ReportArgs),
    Table(table::TableArgs),
    Config(config::SettingsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Whether several processes do it together, of which the first tells how it goes.
    fn is_joint(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Search(_) | Self::Rank(_) | Self::Run(_))
    }
}

/// Ends the process with clap's help or refusal; refusals are told as messages are asked for.
fn refuse(error: &clap::Error) -> ! {
    // Where all are called alike, whoever started them ends the others when the first has told.
    world::let_first_tell();
    let format: Option<logging::LogFormat> = early::value_of("--log-format", std::env::args_os());
    if error.use_stderr()
        && format == Some(logging::LogFormat::Json)
        && logging::init(&logging::LogArgs::json()).is_ok()
    {
        let message = error.to_string();
        tracing::error!("{}", message.trim_start_matches("error: ").trim_end());
        std::process::exit(error.exit_code());
    }
    error.exit()
}

/// What tells of `error` on standard error: a line for each of its faults.
pub fn error_lines(error: &Error) -> String {
    let message = error.to_string();
    message.lines().map(|line| format!("{} {line}\n", color::paint("automoe:", color::ERROR))).collect()
}

/// Runs the command that `cli` holds. `has_output`: whether the process was started with a standard output.
///
/// # Errors
/// The command's; it would print results, and there is nothing to print them to.
pub fn main(cli: Cli, has_output: bool) -> Result<()> {
    logging::init(&if cli.command.is_joint() && world::is_follower() { cli.log.quieted() } else { cli.log })?;
    if !has_output && !matches!(cli.command, Command::Man(_)) {
        return Err(Error::failure("standard output is closed: results need somewhere to go, be it /dev/null"));
    }
    match cli.command {
        Command::Space(args) => space::run(args),
        Command::Data(args) => data::run(args),
        Command::Train(args) => together(|| train::run(args)),
        Command::Search(args) => together(|| search::run(args)),
        Command::Rank(args) => together(|| rank::run(args)),
        Command::Cost(args) => cost::run(args),
        Command::Latency(args) => latency::run(args),
        Command::Translate(args) => translate::run(args),
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Score(args) => score::run(args),
        Command::Run(args) => together(|| run::run(args)),
        Command::Watch(args) => watch::run(args),
        Command::Report(args) => report::run(args),
        Command::Table(args) => table::run(args),
        Command::Config(args) => config::run(args),
        Command::Completions(args) => completions::run(args, Cli::command()),
        Command::Man(args) => man::run(args, Cli::command()),
    }
}

/// Runs a command that several processes may do together.
fn together(run: impl FnOnce() -> Result<()>) -> Result<()> {
    let joined = world::join()?;
    let ended = world::settle(run());
    if ended.is_ok() && joined.rank() == 0 {
        dismiss(joined)?;
    }
    ended
}
