//! `automoe table`: tables of published and measured figures.

use super::output;
use crate::error::{Error, Result};
use crate::report::export::EXPORTERS;
use crate::report::{Exporter, Results, paper_tables};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::io;
use std::path::{Path, PathBuf};

/// Print tables of published and measured figures.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe table paper
  automoe table paper --format csv --run runs/multi30k > tables.csv")]
pub struct TableArgs {
    /// Which tables
    #[arg(value_enum)]
    which: Which,

    /// How they are written
    #[arg(long, value_name = "FORMAT", default_value = "markdown", value_parser = format_parser())]
    format: &'static dyn Exporter,

    /// A run directory whose results.json is put beside the published figures; may be given several times
    #[arg(long, value_name = "DIR")]
    run: Vec<PathBuf>,
}

/// Tables that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Tables 4 to 7 of the AutoMoE paper, beside what is computed from its architectures and measured here
    Paper,
}

/// Prints the tables.
///
/// # Errors
/// A run without readable results.
pub fn run(args: TableArgs) -> Result<()> {
    let mut runs = Vec::new();
    for folder in &args.run {
        runs.push((run_name(folder)?, Results::read(&folder.join("results.json"))?));
    }
    let tables = match args.which {
        Which::Paper => paper_tables(&runs)?,
    };
    output::write(&mut io::stdout().lock(), &args.format.export(&tables)).map(|_| ())
}

/// The last part of a run directory's path.
fn run_name(folder: &Path) -> Result<String> {
    let whole = folder.canonicalize().map_err(|error| Error::input(error).at(folder.display()))?;
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    Ok(name.to_string_lossy().into_owned())
}

/// Reads formats by their names, which help lists with what they are like.
fn format_parser() -> impl TypedValueParser<Value = &'static dyn Exporter> {
    let value = |format: &dyn Exporter| PossibleValue::new(format.name()).help(format.documentation());
    PossibleValuesParser::new(EXPORTERS.map(value)).try_map(|name| {
        let format = EXPORTERS.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| Error::input(format!("no format {name:?}")))
    })
}
