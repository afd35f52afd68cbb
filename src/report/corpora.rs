//! Which runs are on the data that the paper's main results are on.

use crate::config::Config;
use std::path::{Path, PathBuf};

/// The configs that ship with the paper's settings, and what the paper calls their data.
const CORPORA: [(&str, &str); 3] =
    [("wmt14-en-de", "WMT'14 En-De"), ("wmt14-en-fr", "WMT'14 En-Fr"), ("wmt19-en-de", "WMT'19 En-De")];

/// What the paper calls the data of a run with these settings: languages and the name of `data.dir` are those of the config that
/// ships for it.
pub fn corpus_of(config: &Config) -> Option<&'static str> {
    let is_of = |shipped: &str| {
        let Ok(shipped) = Config::built_in(shipped) else { return false };
        let [own, theirs] = [&config.data, &shipped.data];
        own.dir.file_name() == theirs.dir.file_name()
            && (&own.source_lang, &own.target_lang) == (&theirs.source_lang, &theirs.target_lang)
    };
    CORPORA.into_iter().find(|(shipped, _)| is_of(shipped)).map(|(_, name)| name)
}

/// The run directories of the paper's settings where nobody says otherwise: `runs/wmt14-en-de`, ….
pub fn default_runs() -> impl Iterator<Item = PathBuf> {
    CORPORA.into_iter().map(|(shipped, _)| Path::new("runs").join(shipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_known_by_folder_and_languages() {
        let of = |name: &str, change: &str| {
            let overrides: Vec<String> = change.split_terminator(' ').map(String::from).collect();
            corpus_of(&Config::load_with(name, &overrides).unwrap())
        };
        for (name, expected) in CORPORA {
            assert_eq!(of(name, ""), Some(expected));
            assert_eq!(of(name, "data.source_lang=cs"), None);
        }
        assert_eq!(of("wmt14-en-de", "data.dir=/elsewhere/wmt19.en-de"), Some("WMT'19 En-De"));
        assert_eq!(of("multi30k", ""), None);
        assert_eq!(of("toy", ""), None);
    }
}
