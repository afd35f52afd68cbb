//! `automoe table`: tables of published and measured figures.

use super::output;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::report::export::EXPORTERS;
use crate::report::{
    Exporter, MeasuredRun, Repeated, Results, Table, corpus_of, default_runs, paper_tables, results_tables,
    seeds_tables,
};
use crate::run::Request;
use crate::run::directory::{CONFIG, REQUEST, RESULTS, run_name};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::io;
use std::path::{Path, PathBuf};

/// Print tables of published and measured figures.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe table run runs/toy
  automoe table run runs/a runs/b --format latex > table.tex
  automoe table paper
  automoe table paper --format csv --run runs/multi30k > tables.csv")]
pub struct TableArgs {
    #[command(subcommand)]
    which: Which,

    /// How they are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "markdown", value_parser = format_parser())]
    format: &'static dyn Exporter,
}

/// Tables that can be asked for.
#[derive(Debug, Clone, clap::Subcommand)]
enum Which {
    /// What runs have found: a table for each, as `automoe run` prints it
    Run {
        /// Run directories with a results.json
        #[arg(required = true, value_name = "DIR")]
        runs: Vec<PathBuf>,
    },
    /// Tables 4 to 7 of the AutoMoE paper, beside what is computed from its architectures and measured here
    Paper {
        /// A run directory whose results.json is put beside the published figures; may be given several times. One on the
        /// paper's data (data.dir ends in wmt14.en-de, wmt14.en-fr or wmt19.en-de) follows the paper's rows on it. Without
        /// the option: those of runs/wmt14-en-de, runs/wmt14-en-fr and runs/wmt19-en-de that are there
        #[arg(long, value_name = "DIR")]
        run: Vec<PathBuf>,
    },
}

/// Prints the tables.
///
/// # Errors
/// A run without readable results.
pub fn run(args: TableArgs) -> Result<()> {
    let tables = match args.which {
        Which::Run { runs } => runs.iter().map(|folder| tables_of(folder)).collect::<Result<Vec<_>>>()?.concat(),
        Which::Paper { run: given } => paper_tables(&measured(given)?)?,
    };
    output::write(&mut io::stdout().lock(), &args.format.export(&tables)).map(|_| ())
}

/// What the run in `folder` has found, each table under its name.
fn tables_of(folder: &Path) -> Result<Vec<Table>> {
    let name = run_name(folder)?;
    let request = Request::read(&folder.join(REQUEST))?;
    let mut tables = match Repeated::of_run(folder, request.as_ref())? {
        Some(repeated) => seeds_tables(&repeated),
        None => results_tables(&results(folder)?),
    };
    for table in &mut tables {
        let title = [name.as_str(), &table.title].into_iter().filter(|part| !part.is_empty());
        table.title = title.collect::<Vec<_>>().join(": ");
    }
    Ok(tables)
}

/// What the runs in these folders, or in those where one looks, have found.
fn measured(mut folders: Vec<PathBuf>) -> Result<Vec<MeasuredRun>> {
    if folders.is_empty() {
        folders.extend(default_runs().filter(|folder| folder.join(RESULTS).is_file()));
    }
    let of = |folder: PathBuf| {
        let config = folder.join(CONFIG);
        // Results from elsewhere may have none.
        let config = config.is_file().then(|| Config::load(&config.to_string_lossy())).transpose()?;
        let corpus = config.and_then(|config| corpus_of(&config));
        Ok(MeasuredRun { name: run_name(&folder)?, corpus, results: results(&folder)? })
    };
    folders.into_iter().map(of).collect()
}

fn results(folder: &Path) -> Result<Results> {
    let path = folder.join(RESULTS);
    match path.exists() {
        true => Results::read(&path),
        false => Err(Error::input("nothing was tested here yet; automoe run does").at(path.display())),
    }
}

/// Reads formats by their names, which help lists with what they are like.
fn format_parser() -> impl TypedValueParser<Value = &'static dyn Exporter> {
    let value = |format: &dyn Exporter| PossibleValue::new(format.name()).help(format.documentation());
    PossibleValuesParser::new(EXPORTERS.map(value)).try_map(|name| {
        let format = EXPORTERS.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| Error::input(format!("no format {name:?}")))
    })
}
