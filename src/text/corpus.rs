//! Reads the texts that a config names, each in the format that its name and its files tell.

use super::format::{NamedText, TextFormat};
use super::formats::FORMATS;
use super::pairs::Pairs;
use super::vocabulary::Vocabulary;
use crate::catalog::{TEXT_FORMATS, TSV, TWO_FILES};
use crate::config::{Corpus, DataConfig};
use crate::error::{Error, Result};

/// The names of training, validation and test text.
///
/// # Errors
/// There are none of the first two.
pub fn parts(data: &DataConfig) -> Result<[&[String]; 3]> {
    for (key, names) in [("train", &data.train), ("valid", &data.valid)] {
        if names.is_empty() {
            return Err(Error::input(format!("`data.{key}` names no files")));
        }
    }
    Ok([&data.train, &data.valid, &data.test])
}

/// Reads the texts `names` of `data`, in their order; sentences are lower-cased where `data` asks for it, ids are as they are.
///
/// # Errors
/// A text that is not there or cannot be used (see [`format_of`] and [`TextFormat::read`]); no pair at all.
pub fn read(data: &DataConfig, names: &[String]) -> Result<Vec<Pairs>> {
    let mut texts = Vec::new();
    for name in names {
        let text = NamedText::new(data, name);
        let mut pairs = format_of(&text)?.read(&text)?;
        if let Pairs::Text(text) = &mut pairs
            && data.lowercase
        {
            text.lowercase();
        }
        texts.push(pairs);
    }
    if texts.iter().all(Pairs::is_empty) {
        return Err(Error::input(format!("{}: no sentence pairs in {}", data.dir.display(), names.join(", "))));
    }
    Ok(texts)
}

/// Which pair of which text the pair `index` of the texts `names` is, for messages: `line 7 of "more.tsv"`, or `pair 7` where a
/// format has no lines. None where they cannot be read, or the corpus has no files.
pub fn place_of(data: &DataConfig, names: &[String], mut index: usize) -> Option<String> {
    let names = if data.corpus == Corpus::Toy { &[] } else { names };
    for name in names {
        let text = NamedText::new(data, name);
        let format = format_of(&text).ok()?;
        let pairs = format.read(&text).ok()?.len();
        if index < pairs {
            let unit = if [&TWO_FILES, &TSV].contains(&format.row()) { "line" } else { "pair" };
            return Some(format!("{unit} {} of {name:?}", index + 1));
        }
        index -= pairs;
    }
    None
}

/// `data` with the dictionaries that lie beside its ids, where a text of it is ids already.
///
/// # Errors
/// A dictionary that is missing or cannot be used; `data` names others.
pub fn with_own_dictionaries(data: &DataConfig) -> Result<DataConfig> {
    let mut own = data.clone();
    if data.corpus == Corpus::Toy {
        return Ok(own);
    }
    let names = data.train.iter().chain(&data.valid).chain(&data.test).map(|name| NamedText::new(data, name));
    // What is not there is told by who reads it.
    let mut found = names.filter_map(|text| format_of(&text).ok()?.dictionaries(&text));
    let Some([source, target]) = found.next() else {
        return Ok(own);
    };
    let (source, target) = (source.find()?, target.find()?);
    if data.source_dict.as_os_str().is_empty() {
        (own.source_dict, own.target_dict) = (source, target);
        return Ok(own);
    }
    let given_target = if data.target_dict.as_os_str().is_empty() { &data.source_dict } else { &data.target_dict };
    for (given, own) in [(&data.source_dict, source), (given_target, target)] {
        if Vocabulary::from_fairseq_dict(given)? != Vocabulary::from_fairseq_dict(&own)? {
            let message = format!("differs from {}, which the ids beside that are of: leave it out", own.display());
            return Err(Error::input(message).at(given.display()));
        }
    }
    Ok(own)
}

/// The format of `text`: the one that has a file of it, though others of its files may be missing.
///
/// # Errors
/// No format has a file of it; two have.
pub fn format_of(text: &NamedText) -> Result<&'static dyn TextFormat> {
    let formats: Vec<_> = FORMATS.into_iter().filter(|format| format.sniff(text)).collect();
    match formats.as_slice() {
        [format] => Ok(*format),
        [] => Err(not_there(text)),
        [first, second, ..] => Err(Error::input(format!(
            "`{}` may be {} or {}, as files of both are there: rename one of them",
            text.name,
            first.row().name,
            second.row().name
        ))
        .at(text.dir.display())),
    }
}

/// The error for a text of which nothing is there: what was looked for.
fn not_there(text: &NamedText) -> Error {
    let sought = |format: &dyn TextFormat| {
        let files = format.files(text);
        // One of the many files that ids come in tells enough.
        let shown = if format.dictionaries(text).is_some() { 1 } else { files.len() };
        files.into_iter().take(shown).map(|file| file.to_string())
    };
    let sought: Vec<String> = FORMATS.into_iter().flat_map(sought).collect();
    let endings: Vec<&str> = TEXT_FORMATS.iter().flat_map(|row| row.endings).copied().collect();
    Error::input(format!(
        "found {}: check `dir` and the prefixes of `[data]`; a file of both languages is named with its ending ({}); where \
         the corpora of the configs come from, docs/data.md says",
        sought.join(", "),
        endings.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ParallelText;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn data(dir: &tempfile::TempDir) -> DataConfig {
        DataConfig {
            dir: dir.path().to_path_buf(),
            source_lang: "de".to_owned(),
            target_lang: "en".to_owned(),
            ..DataConfig::default()
        }
    }

    fn read_with(data: &DataConfig, names: &[&str]) -> Result<ParallelText> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut all = ParallelText::default();
        for pairs in super::read(data, &names)? {
            all.append(pairs.text().unwrap().clone());
        }
        Ok(all)
    }

    fn read(dir: &tempfile::TempDir, names: &[&str]) -> Result<ParallelText> {
        read_with(&data(dir), names)
    }

    #[test]
    fn the_catalog_has_a_row_for_each_format() {
        assert!(FORMATS.iter().map(|format| format.row()).eq(TEXT_FORMATS));
    }

    #[test]
    fn plain_and_gzip_files_are_read_in_order_of_the_prefixes() {
        // Two gzip members behind one another are one file, as with `cat a.gz b.gz`.
        let packed = [gzip(b"drei\n"), gzip("f\u{fc}nf\r\n".as_bytes())].concat();
        let dir =
            folder(&[("a.de", b"eins\n\n"), ("a.en", b"one\ntwo"), ("b.de.gz", &packed), ("b.en", b"three\nfive\n")]);
        let text = read(&dir, &["b", "a"]).unwrap();
        assert_eq!(text.sources, ["drei", "fünf", "eins", ""]);
        assert_eq!(text.targets, ["three", "five", "one", "two"]);
    }

    #[test]
    fn formats_mix_and_a_name_tells_which() {
        let dir = folder(&[("a.de", b"eins\n"), ("a.en", b"one\n"), ("a.tsv", b"zwei\ttwo\n")]);
        // A prefix that ends like a file.
        std::fs::write(dir.path().join("b.tsv.de"), "drei\n").unwrap();
        std::fs::write(dir.path().join("b.tsv.en.gz"), gzip(b"three\n")).unwrap();
        std::fs::write(dir.path().join("c.tsv.gz"), gzip(b"vier\tfour\n")).unwrap();
        let text = read(&dir, &["c.tsv", "b.tsv", "a", "a.tsv", "c.tsv.gz"]).unwrap();
        assert_eq!(text.sources, ["vier", "drei", "eins", "zwei", "vier"]);
        assert_eq!(text.targets, ["four", "three", "one", "two", "four"]);
    }

    #[test]
    fn a_name_that_two_formats_fit_is_refused() {
        let dir = folder(&[("a.tsv.de", b"eins\n"), ("a.tsv", b"zwei\ttwo\n")]);
        let error = read(&dir, &["a.tsv"]).unwrap_err().to_string();
        assert!(error.contains("`a.tsv` may be two files or TSV, as files of both are there"), "{error}");
    }

    #[test]
    fn a_file_that_is_there_plain_and_packed_is_refused() {
        let dir = folder(&[("a.de", b"eins\n"), ("a.de.gz", &gzip(b"zwei\n")), ("a.en", b"one\n")]);
        let error = read(&dir, &["a"]).unwrap_err().to_string();
        assert!(error.contains("a.de and ") && error.contains("a.de.gz are both there: remove"), "{error}");
    }

    #[test]
    fn pairs_are_found_in_the_texts_that_they_are_of() {
        let dir = folder(&[("a.de", b"1\n2\n"), ("a.en", b"1\n2\n"), ("b.tsv", b"3\t3\n4\t4\n")]);
        let names = ["a".to_owned(), "b.tsv".to_owned()];
        let place = |index| place_of(&data(&dir), &names, index);
        assert_eq!([0, 1].map(place), [Some("line 1 of \"a\"".into()), Some("line 2 of \"a\"".into())]);
        assert_eq!([3, 4].map(place), [Some("line 2 of \"b.tsv\"".into()), None]);
    }

    #[test]
    fn both_sides_are_lower_cased_on_request() {
        let dir = folder(&[("a.de", "Ähre\n".as_bytes()), ("a.en", b"EAR\n")]);
        let text = read_with(&DataConfig { lowercase: true, ..data(&dir) }, &["a"]).unwrap();
        assert_eq!((text.sources[0].as_str(), text.targets[0].as_str()), ("ähre", "ear"));
    }

    #[test]
    fn unequal_counts_name_both_files() {
        let dir = folder(&[("a.de", b"1\n2\n"), ("a.en", b"1\n")]);
        let error = read(&dir, &["a"]).unwrap_err().to_string();
        assert!(error.contains("a.de has 2 lines") && error.contains("a.en has 1"), "{error}");
    }

    #[test]
    fn missing_files_name_both_spellings() {
        let error = read(&folder(&[]), &["a"]).unwrap_err().to_string();
        for path in [
            "a.de nor ",
            "a.de.gz, ",
            "a.en nor ",
            "a.en.gz, ",
            "a.de-en.de.idx: ",
            "(.tsv, .tmx, .parquet)",
            "docs/data.md",
        ] {
            assert!(error.contains(path), "{path:?} is missing in: {error}");
        }
        let error = read(&folder(&[]), &["a.tsv"]).unwrap_err().to_string();
        for path in ["a.tsv.de nor ", "a.tsv.de.gz, ", "a.tsv.en nor ", "a.tsv.en.gz, ", "a.tsv nor ", "a.tsv.gz: "] {
            assert!(error.contains(path), "{path:?} is missing in: {error}");
        }
        let dir = folder(&[("a.de", b"1\n")]);
        let error = read(&dir, &["a"]).unwrap_err().to_string();
        assert!(error.contains("a.en nor ") && error.contains("a.en.gz"), "{error}");
    }

    #[test]
    fn empty_and_damaged_files_are_errors() {
        let dir = folder(&[("a.de", b""), ("a.en", b"")]);
        assert!(read(&dir, &["a"]).unwrap_err().to_string().contains("no sentence pairs"));
        let mut packed = gzip(b"one\ntwo\nthree\n");
        packed.truncate(packed.len() - 6);
        let dir = folder(&[("a.de.gz", &packed), ("a.en", b"1\n")]);
        assert!(read(&dir, &["a"]).unwrap_err().to_string().contains("a.de.gz: line "));
    }
}
