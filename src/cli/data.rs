//! `automoe data`: prepares the text and tells about it.

use super::options::ConfigArgs;
use super::output;
use crate::catalog::TEXT_FORMATS;
use crate::error::Result;
use crate::pipeline::prepare_data;
use crate::text::export::{self, export_fairseq};
use std::io;
use std::path::PathBuf;

/// Read the text, learn subwords, filter, turn it into ids, and print statistics as JSON.
///
/// The result is cached by content: a second call, and every other command, finds it there.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = after_help())]
pub struct DataArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// Write the ids and dictionaries to a new folder, in the layout of fairseq-preprocess
    #[arg(long, value_name = "DIR")]
    export_fairseq: Option<PathBuf>,
}

fn after_help() -> String {
    let formats: Vec<String> =
        TEXT_FORMATS.iter().map(|row| format!("  {:<11}{}\n", row.name, row.documentation)).collect();
    format!(
        "Text that data.train, data.valid and data.test can name (two files, TSV and TMX plain or .gz; docs/data.md):
{}
Examples:
  automoe data --config multi30k
  automoe data --config my.toml --set data.vocab_size=8000 | jq .train
  automoe data --config multi30k --export-fairseq data-bin/multi30k",
        formats.concat()
    )
}

/// Prepares the data, exports it where that is asked for, and prints its statistics.
///
/// # Errors
/// An unusable config or text; a folder that cannot be exported to.
pub fn run(args: DataArgs) -> Result<()> {
    let config = args.config.load()?;
    args.export_fairseq.as_deref().map_or(Ok(()), export::check_new)?;
    let prepared = prepare_data(&config)?;
    if let Some(folder) = &args.export_fairseq {
        export_fairseq(&prepared, &config.data, folder)?;
        tracing::info!("{}: fairseq's data, in sets named train, valid and test", folder.display());
    }
    output::json_pretty(&mut io::stdout().lock(), &prepared.statistics).map(|_| ())
}
