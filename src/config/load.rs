//! From a config's name and `--set` options to complete, valid settings.

use super::find::Source;
use super::mistakes::{Document, known_keys, typed, unknown_key};
use super::settings::Config;
use crate::error::{Error, Result, refuse};
use std::path::Path;
use toml::{Table, Value};

impl Config {
    /// The settings of a config: `name_or_path` is a file, else a name in `configs/` (with or without `.toml`), else one of
    /// [`super::BUILT_IN`]. A `run_dir` that is not given becomes `runs/<name>`, and that of
    /// a run's own `config.toml` is where it lies now, though it may have been copied; a relative path to data or a latency
    /// profile that does not exist in the working directory but does in the config file's folder is taken from there.
    ///
    /// # Errors
    /// No such config; a mistake in it, with its line; settings that do not fit together, all of them.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::load_with(name_or_path, &[])
    }

    /// As [`Self::load`], with `overrides` in the form `section.key=value` replacing what the file says, the last one first.
    /// A value is TOML; what TOML cannot read is taken as text, so that `data.source_lang=de` needs no quotes.
    pub fn load_with(name_or_path: &str, overrides: &[String]) -> Result<Self> {
        Self::from_source(Source::find(name_or_path)?, overrides)
    }

    /// As [`Self::load_with`], of the file at `path`, whose text is what `convert` makes TOML of.
    ///
    /// # Errors
    /// Those of `convert`, with the path in front, and those of the TOML.
    pub fn load_converted(
        path: &Path,
        convert: impl FnOnce(&str) -> Result<String>,
        overrides: &[String],
    ) -> Result<Self> {
        let mut source = Source::read(path)?;
        source.text = convert(&source.text).map_err(|error| error.at(&source.place))?;
        source.place.push_str(" as a config");
        Self::from_source(source, overrides)
    }

    fn from_source(source: Source, overrides: &[String]) -> Result<Self> {
        let document = Document::parse(&source.place, &source.text)?;
        let mut config = document.typed()?;
        if !overrides.is_empty() {
            config = overridden(&source.text, overrides)?;
        }
        if config.run_dir.as_os_str().is_empty() {
            config.run_dir = Path::new("runs").join(&source.name);
        }
        if let Some(run) = source.run()
            && !overrides.iter().any(|option| key_of(option) == "run_dir")
        {
            config.run_dir = run;
        }
        if let Some(folder) = &source.folder {
            for path in config.data.paths().into_iter().chain(config.search.paths()) {
                let beside_config = folder.join(&*path);
                if !path.as_os_str().is_empty() && !path.exists() && beside_config.exists() {
                    *path = beside_config;
                }
            }
        }
        let placed = config.faults().into_iter().map(|fault| {
            let key = fault.split(':').next().unwrap_or_default();
            match overrides.iter().rev().find(|option| key_of(option) == key) {
                Some(option) => format!("--set {option}: {fault}"),
                None => format!("{}: {fault}", document.place_of(key)),
            }
        });
        let faults: Vec<String> = placed.collect();
        refuse(&faults)?;
        Ok(config)
    }
}

/// The settings of a config whose text is known to be right, with `overrides` in place.
fn overridden(text: &str, overrides: &[String]) -> Result<Config> {
    let mut table: Table = toml::from_str(text).map_err(Error::input)?;
    let mut config = typed(&table)?;
    for option in overrides {
        let place = format!("--set {option}");
        set(&mut table, option).map_err(|error| error.at(&place))?;
        config = typed(&table).map_err(|error| error.at(&place))?;
    }
    Ok(config)
}

/// Applies one `section.key=value`.
fn set(table: &mut Table, option: &str) -> Result<()> {
    let Some((_, value)) = option.split_once('=') else {
        return Err(Error::input("expected section.key=value"));
    };
    let value = value.trim();
    let value = value.parse::<Value>().unwrap_or_else(|_| Value::String(value.into()));
    let key = key_of(option);
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut known = known_keys();
    let mut target = table;
    if !section.is_empty() {
        let Some(Value::Table(inner)) = known.remove(section) else {
            return Err(unknown_key(section, "", &known_keys()));
        };
        known = inner;
        let entry = target.entry(section).or_insert_with(|| Table::new().into());
        target = match entry {
            Value::Table(table) => table,
            _ => return Err(Error::input(format!("{section} is not a section"))),
        };
    }
    match known.get(name) {
        None => Err(unknown_key(name, section, &known)),
        Some(Value::Table(_)) => {
            let message = format!("{name} is a section: expected {name}.key=value");
            Err(Error::input(message))
        }
        Some(_) => {
            target.insert(name.into(), value);
            Ok(())
        }
    }
}

fn key_of(option: &str) -> &str {
    option.split('=').next().unwrap_or_default().trim()
}
