//! What `fairseq-preprocess` makes of parallel text: ids, and the dictionaries that they are of.

use crate::catalog::{FAIRSEQ, TextFormatRow};
use crate::error::{Error, Result};
use crate::text::dataset::Dataset;
use crate::text::format::{NamedText, SoughtFile, TextFormat};
use crate::text::indexed::IndexedSentences;
use crate::text::pairs::Pairs;
use crate::text::vocabulary::Vocabulary;

/// `<name>.<source>-<target>.<language>.idx` and `.bin` for both languages, whose order between the points may be the other
/// one; `dict.<language>.txt`. A training text goes on in `<name>1`, `<name>2`, …
pub struct Fairseq;

impl TextFormat for Fairseq {
    fn row(&self) -> &'static TextFormatRow {
        &FAIRSEQ
    }

    fn files(&self, text: &NamedText) -> Vec<SoughtFile> {
        parts(text).into_iter().flatten().flatten().chain(dictionaries(text)).collect()
    }

    fn dictionaries(&self, text: &NamedText) -> Option<[SoughtFile; 2]> {
        Some(dictionaries(text))
    }

    /// Dictionaries alone may be those of text.
    fn sniff(&self, text: &NamedText) -> bool {
        parts(text).iter().flatten().flatten().any(|file| file.there().is_some())
    }

    fn read(&self, text: &NamedText) -> Result<Pairs> {
        let [source_vocab, target_vocab] = dictionaries(text).map(|file| vocabulary_size(&file));
        let (source_vocab, target_vocab) = (source_vocab?, target_vocab?);
        let mut pairs = Dataset::default();
        for [source, target] in parts(text) {
            let (mut sources, mut targets) = (open(&source)?, open(&target)?);
            if sources.len() != targets.len() {
                return Err(Error::input(format!(
                    "{} has {} sentences and {} has {}: sentence i of one must be the translation of sentence i of the other",
                    source[0].find()?.display(),
                    sources.len(),
                    target[0].find()?.display(),
                    targets.len()
                )));
            }
            while let (Some(source), Some(target)) = (sources.next(source_vocab)?, targets.next(target_vocab)?) {
                pairs.push(&source, &target);
            }
        }
        Ok(Pairs::Ids(pairs))
    }
}

/// Index and data of each part, of the source and of the target.
fn parts(text: &NamedText) -> Vec<[[SoughtFile; 2]; 2]> {
    let mut parts = vec![part(text, text.name)];
    if text.has_parts {
        let more = (1..).map(|number| part(text, &format!("{}{number}", text.name)));
        parts.extend(more.take_while(|part| part.iter().flatten().any(|file| file.there().is_some())));
    }
    parts
}

/// Index and data of the part `name`: source and target.
fn part(text: &NamedText, name: &str) -> [[SoughtFile; 2]; 2] {
    let [source, target] = text.languages;
    let files = |first: &str, second: &str| {
        text.languages.map(|language| {
            ["idx", "bin"]
                .map(|kind| SoughtFile::plain(text.dir, &format!("{name}.{first}-{second}.{language}.{kind}")))
        })
    };
    let other = files(target, source);
    let is_other = other.iter().flatten().any(|file| file.there().is_some());
    let own = files(source, target);
    match is_other && !own.iter().flatten().any(|file| file.there().is_some()) {
        true => other,
        false => own,
    }
}

fn dictionaries(text: &NamedText) -> [SoughtFile; 2] {
    text.languages.map(|language| SoughtFile::plain(text.dir, &format!("dict.{language}.txt")))
}

fn vocabulary_size(dictionary: &SoughtFile) -> Result<usize> {
    Ok(Vocabulary::from_fairseq_dict(&dictionary.find()?)?.len())
}

fn open([index, data]: &[SoughtFile; 2]) -> Result<IndexedSentences> {
    IndexedSentences::open(&index.find()?, &data.find()?)
}
