//! `automoe data`: prepares the text and tells about it.

use super::options::ConfigArgs;
use super::output;
use crate::catalog::TEXT_FORMATS;
use crate::error::Result;
use crate::pipeline::prepare_data;
use std::io;

/// Read the text, learn subwords, filter, turn it into ids, and print statistics as JSON.
///
/// The result is cached by content: a second call, and every other command, finds it there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = after_help())]
pub struct DataArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

fn after_help() -> String {
    let formats: Vec<String> =
        TEXT_FORMATS.iter().map(|row| format!("  {:<11}{}\n", row.name, row.documentation)).collect();
    format!(
        "Text that data.train, data.valid and data.test can name, plain or .gz:
{}
Examples:
  automoe data --config multi30k
  automoe data --config my.toml --set data.vocab_size=8000 | jq .train",
        formats.concat()
    )
}

/// Prepares the data and prints its statistics.
///
/// # Errors
/// An unusable config or text.
pub fn run(args: DataArgs) -> Result<()> {
    let prepared = prepare_data(&args.config.load()?)?;
    output::json_pretty(&mut io::stdout().lock(), &prepared.statistics).map(|_| ())
}
