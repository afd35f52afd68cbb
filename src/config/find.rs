//! Where a config is: a file, a name in `configs/`, or one that ships with the program.

use crate::bounded::read_text;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The configs that ship with the program: name and text.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("toy", include_str!("../../configs/toy.toml")),
    ("multi30k", include_str!("../../configs/multi30k.toml")),
    ("iwslt14-de-en", include_str!("../../configs/iwslt14-de-en.toml")),
    ("wmt14-en-de", include_str!("../../configs/wmt14-en-de.toml")),
    ("wmt14-en-fr", include_str!("../../configs/wmt14-en-fr.toml")),
    ("wmt19-en-de", include_str!("../../configs/wmt19-en-de.toml")),
];

/// The largest config that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A config's text and where it is from.
pub(super) struct Source {
    /// The config's name: the file's without its ending.
    pub name: String,
    /// The file as messages name it.
    pub place: String,
    /// The file's folder; `None` for a built-in config.
    pub folder: Option<PathBuf>,
    pub text: String,
    /// Whether the text was made of what the file holds.
    pub is_converted: bool,
}

impl Source {
    /// Looks for `name` as a path, then in `configs/` (with or without `.toml`), then among the built-in configs.
    pub fn find(name: &str) -> Result<Self> {
        let in_configs = Path::new("configs").join(name);
        let with_ending = Path::new("configs").join(format!("{name}.toml"));
        for path in [PathBuf::from(name), in_configs, with_ending] {
            // Pipes are read, too.
            if path.exists() && !path.is_dir() {
                return Self::read(&path);
            }
        }
        Self::built_in(name)
    }

    /// The built-in config `name` (with or without `.toml`), whatever files there are.
    pub fn built_in(name: &str) -> Result<Self> {
        let stem = name.strip_suffix(".toml").unwrap_or(name);
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == stem) {
            Some((built_in, text)) => Ok(Self {
                name: (*built_in).into(),
                place: format!("built-in {built_in}.toml"),
                folder: None,
                text: (*text).into(),
                is_converted: false,
            }),
            None => Err(not_found(name)),
        }
    }

    /// The run directory whose `config.toml` this is, if it is one.
    pub fn run(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref().filter(|_| self.name == "config")?;
        // The folder of a plain name is empty.
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
        folder.join("manifest.json").is_file().then_some(folder)
    }

    /// The file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let fault = |error: std::io::Error| Error::input(error).at(&place);
        let text = read_text(path, MAX_BYTES).map_err(fault)?;
        let stem = path.file_stem().unwrap_or_default();
        Ok(Self {
            name: stem.to_string_lossy().into_owned(),
            place,
            folder: path.parent().map(Path::to_path_buf),
            text,
            is_converted: false,
        })
    }
}

fn not_found(name: &str) -> Error {
    let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    Error::input(format!(
        "no config \"{name}\": neither a file, nor configs/{}.toml, nor built in ({})",
        name.strip_suffix(".toml").unwrap_or(name),
        names.join(", ")
    ))
}
