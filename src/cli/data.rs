//! `automoe data`: prepares the text and tells about it.

use super::options::ConfigArgs;
use super::output;
use crate::error::Result;
use crate::pipeline::prepare_data;
use std::io;

/// Read the text, learn subwords, filter, turn it into ids, and print statistics as JSON.
///
/// The result is cached by content: a second call, and every other command, finds it there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe data --config multi30k
  automoe data --config my.toml --set data.vocab_size=8000 | jq .train")]
pub struct DataArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Prepares the data and prints its statistics.
///
/// # Errors
/// An unusable config or text.
pub fn run(args: DataArgs) -> Result<()> {
    let prepared = prepare_data(&args.config.load()?)?;
    output::json_pretty(&mut io::stdout().lock(), &prepared.statistics).map(|_| ())
}
