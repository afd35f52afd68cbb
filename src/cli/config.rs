//! `automoe config`: the keys of configs.

use super::options::ConfigArgs;
use super::output;
use crate::config::{Config, Loaded, explain};
use crate::error::{Error, Result};
use crate::run::atomic;
use std::io;
use std::path::{Path, PathBuf};

/// Show a config's settings, explain a key, begin a config, or print a JSON Schema of configs.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe config --explain search.population
  automoe config --explain train
  automoe config --show --config multi30k --set train.lr=1e-3
  automoe config --new my.toml --config multi30k
  automoe config --schema > automoe.schema.json")]
pub struct SettingsArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    what: What,
}

#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Print all keys with their values and what gave each: the default, a line of the config, or --set
    #[arg(long)]
    show: bool,

    /// Print what KEY means, its type, range and default, and its value in shipped configs; of a section, its keys
    #[arg(long, value_name = "KEY", conflicts_with_all = ["config", "set"])]
    explain: Option<String>,

    /// Write a config to FILE, a .toml, with a word on every key, and its schema beside it; begins with --config's values
    #[arg(long, value_name = "FILE")]
    new: Option<PathBuf>,

    /// Print a JSON Schema of configs, by which editors complete and check them
    #[arg(long, conflicts_with_all = ["config", "set"])]
    schema: bool,
}

/// Prints, or writes, what `args` ask for.
///
/// # Errors
/// An unusable config; an unknown key; a file that is there already, or cannot be written.
pub fn run(args: SettingsArgs) -> Result<()> {
    let mut out = io::stdout().lock();
    let What { show: _, explain: key, new, schema } = args.what;
    if schema {
        return output::json_pretty(&mut out, &Config::schema()).map(|_| ());
    }
    if let Some(key) = key {
        return output::write(&mut out, &explain(&key)?).map(|_| ());
    }
    let loaded = args.config.loaded()?;
    match new {
        Some(file) => write_new(loaded, &file),
        None => output::write(&mut out, &loaded.shown()?).map(|_| ()),
    }
}

/// Writes the config to `file` and the schema beside it.
fn write_new(loaded: Loaded, file: &Path) -> Result<()> {
    let place = file.display();
    let is_toml = file.extension().is_some_and(|ending| ending == "toml");
    let (Some(name), true) = (file.file_stem().and_then(|name| name.to_str()), is_toml) else {
        return Err(Error::input("expected a name that ends in .toml").at(place));
    };
    let schema_name = format!("{name}.schema.json");
    let schema = file.with_file_name(&schema_name);
    for path in [file, &schema] {
        if path.symlink_metadata().is_ok() {
            return Err(Error::input("is there already: give another name").at(path.display()));
        }
    }
    let config = loaded.commented(name, &schema_name)?;
    let text = serde_json::to_string_pretty(&Config::schema()).map_err(Error::failure)?;
    atomic::write(file, config.as_bytes())?;
    atomic::write(&schema, format!("{text}\n").as_bytes())?;
    tracing::info!("{place} and {} are there; {place} is used with --config {place}", schema.display());
    Ok(())
}
