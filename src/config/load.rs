//! From a config's name and `--set` options to complete, valid settings, and where each came from.

use super::document::Document;
use super::find::Source;
use super::given::Given;
use super::keys::Keys;
use super::mistakes::{one_line, read};
use super::settings::Config;
use crate::error::{Error, Result, refuse_each};
use std::collections::BTreeMap;
use std::path::Path;

/// Settings, and what gave them.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings, valid and complete.
    pub config: Config,
    /// `file:line` or `--set option` by the dotted key; what is not here has its default.
    pub(super) origins: BTreeMap<String, String>,
}

impl Config {
    /// The settings of a config: `name_or_path` is a file, else a name in `configs/` (with or without `.toml`), else one of
    /// [`super::BUILT_IN`]. A `run_dir` that is not given becomes `runs/<name>`, and that of
    /// a run's own `config.toml` is where it lies now, though it may have been copied; a relative path to data or a latency
    /// profile that does not exist in the working directory but does in the config file's folder is taken from there.
    ///
    /// # Errors
    /// No such config; mistakes in it, each with its line; where there are none, settings that do not fit together.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::load_with(name_or_path, &[])
    }

    /// As [`Self::load`], of one of [`super::BUILT_IN`], whatever files there are.
    pub fn built_in(name: &str) -> Result<Self> {
        Loaded::from_source(&Source::built_in(name)?, &[]).map(|loaded| loaded.config)
    }

    /// As [`Self::load`], with `overrides` in the form `section.key=value` replacing what the file says, the last one first.
    /// A value is TOML; what TOML cannot read is taken as text, so that `data.source_lang=de` needs no quotes.
    pub fn load_with(name_or_path: &str, overrides: &[String]) -> Result<Self> {
        Loaded::find(name_or_path, overrides).map(|loaded| loaded.config)
    }
}

impl Loaded {
    /// As [`Config::load_with`].
    pub fn find(name_or_path: &str, overrides: &[String]) -> Result<Self> {
        Self::from_source(&Source::find(name_or_path)?, overrides)
    }

    /// As [`Config::load_with`], of the file at `path`, whose text is what `convert` makes TOML of.
    ///
    /// # Errors
    /// Those of `convert`, with the path in front, and those of the TOML.
    pub fn converted(path: &Path, convert: impl FnOnce(&str) -> Result<String>, overrides: &[String]) -> Result<Self> {
        let mut source = Source::read(path)?;
        source.text = convert(&source.text).map_err(|error| error.at(&source.place))?;
        source.is_converted = true;
        Self::from_source(&source, overrides)
    }

    /// What gave the value of a dotted key: `file:line`, or `--set option`; `None`: it is the default.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.origins.get(key).map(String::as_str)
    }

    fn from_source(source: &Source, overrides: &[String]) -> Result<Self> {
        let document = Document::parse(&source.place, &source.text, source.is_converted)?;
        let (given, mut config) = typed(&document, overrides)?;
        // The last that gives a key is the one that counts.
        let mut origins: BTreeMap<_, _> = given.iter().map(|given| (given.key(), given.origin())).collect();
        if config.run_dir.as_os_str().is_empty() {
            config.run_dir = Path::new("runs").join(&source.name);
            origins.remove("run_dir");
        }
        if let Some(run) = source.run()
            && !given.iter().any(|given| given.is_option() && given.key() == "run_dir")
        {
            config.run_dir = run;
            origins.insert("run_dir".into(), source.place.clone());
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
            format!("{}: {fault}", origins.get(key).cloned().unwrap_or_else(|| document.place_of(key)))
        });
        let faults: Vec<String> = placed.collect();
        refuse_each(&faults)?;
        Ok(Self { config, origins })
    }
}

/// All that the document and `overrides` give, the later before the earlier, and the settings that they make.
///
/// # Errors
/// All mistakes in single values.
fn typed<'a>(document: &'a Document<'a>, overrides: &'a [String]) -> Result<(Vec<Given<'a>>, Config)> {
    let keys = Keys::all();
    let mut given = Given::in_document(document, keys);
    let mut faults: Vec<String> = given.iter().filter_map(|given| given.mistake(keys)).collect();
    let mut table = document.table.clone();
    for option in overrides {
        match Given::in_option(option, keys) {
            Err(fault) => faults.push(fault),
            Ok(option) => {
                faults.extend(option.mistake(keys));
                option.put(&mut table);
                given.push(option);
            }
        }
    }
    refuse_each(&faults)?;
    let config = read(table).map_err(|error| Error::input(one_line(error.message())))?;
    Ok((given, config))
}
