//! What prepared data is found by: a hash of the settings that matter, and of the text.

use super::corpus;
use super::format::NamedText;
use super::lines::for_each_line;
use super::prepared::Fingerprints;
use super::vocabulary::MAX_DICT_BYTES;
use crate::bounded::read_with;
use crate::catalog::{TSV, TWO_FILES};
use crate::config::{Corpus, DataConfig};
use crate::error::{Error, Result};
use crate::white_space::{has_odd_space, is_blank, is_collapsed, is_separator};
use std::path::Path;

/// Raised when the same settings and text give other data than before, so that older caches are not used.
const CACHE_VERSION: u32 = 1;

/// Part of the fingerprint where white space counts otherwise than in version 0.1.0.
const SPACING: &str = "white space parts words";

/// The fingerprints of the data that `data` gives. `seed` matters to the toy corpus alone.
///
/// # Errors
/// A file that is not there, or cannot be read.
pub fn fingerprints(data: &DataConfig, seed: u64) -> Result<Fingerprints> {
    let mut hasher = blake3::Hasher::new();
    let settings = serde_json::json!({
        "version": CACHE_VERSION,
        "corpus": data.corpus,
        "subwords": data.subwords,
        "vocab_size": data.vocab_size,
        "joined_vocabulary": data.joined_vocabulary,
        "lowercase": data.lowercase,
        "max_length": data.max_length,
        "max_length_ratio": data.max_length_ratio,
    });
    hasher.update(settings.to_string().as_bytes());
    if data.has_published_subwords() {
        for path in [&data.source_dict, &data.target_dict, &data.bpe_codes] {
            let hash = if path.as_os_str().is_empty() { String::new() } else { hash_unmarked(path)?.to_string() };
            hasher.update(format!("{hash};").as_bytes());
        }
        // Nothing where there is none, so that data prepared before there were these models is found.
        for path in [&data.sentencepiece, &data.sentencepiece_target] {
            if !path.as_os_str().is_empty() {
                hasher.update(format!("sentencepiece {};", hash_file(path)?).as_bytes());
            }
        }
    }
    let mut without_test;
    match data.corpus {
        Corpus::Toy => {
            hasher.update(serde_json::json!([seed, data.toy_pairs]).to_string().as_bytes());
            without_test = hasher.clone();
        }
        Corpus::Files => {
            let [train, valid, test] = corpus::parts(data)?;
            let train_differs = hash_texts(&mut hasher, data, train, true)?;
            let differs = hash_texts(&mut hasher, data, valid, false)? || train_differs;
            without_test = hasher.clone();
            hash_texts(&mut without_test, data, &[], false)?;
            let test_differs = hash_texts(&mut hasher, data, test, false)?;
            for (hasher, differs) in [(&mut without_test, differs), (&mut hasher, differs || test_differs)] {
                if differs {
                    hasher.update(SPACING.as_bytes());
                }
            }
        }
    }
    let [whole, without_test] = [hasher, without_test].map(|hasher| hasher.finalize().to_hex().to_string());
    Ok(Fingerprints { whole, without_test })
}

/// Hashes the texts of a part, and tells whether white space in them counts otherwise than in version 0.1.0.
fn hash_texts(hasher: &mut blake3::Hasher, data: &DataConfig, names: &[String], is_training: bool) -> Result<bool> {
    hasher.update(&(names.len() as u64).to_le_bytes());
    let mut differs = false;
    for name in names {
        let text = NamedText::new(data, name);
        hash_text(hasher, &text)?;
        differs = differs || is_spaced_otherwise(data, &text, is_training)?;
    }
    Ok(differs)
}

fn hash_text(hasher: &mut blake3::Hasher, text: &NamedText) -> Result<()> {
    let format = corpus::format_of(text)?;
    // Two files add no name, so that data prepared before there were other formats is found.
    if format.row() != &TWO_FILES {
        hasher.update(format.row().name.as_bytes());
    }
    for file in format.files(text) {
        hasher.update(hash_file(&file.find()?)?.as_bytes());
    }
    Ok(())
}

/// Whether white space in `text` gives other subwords, or other blank lines, than it gave in version 0.1.0, which read it by
/// other rules. What is the same is found under the fingerprint that it had then.
fn is_spaced_otherwise(data: &DataConfig, text: &NamedText, is_training: bool) -> Result<bool> {
    let format = corpus::format_of(text)?;
    if ![&TWO_FILES, &TSV].contains(&format.row()) {
        return Ok(false);
    }
    let gives_others = |line: &str| match (data.has_published_subwords(), data.bpe_codes.as_os_str().is_empty()) {
        (false, _) => !is_collapsed(line),
        (true, false) => has_odd_space(line),
        (true, true) => line.contains(is_separator),
    };
    let differs = |line: &str| match line.trim().is_empty() {
        // Such training pairs were dropped, and are.
        true => !is_training && gives_others(line),
        false => gives_others(line) || is_blank(line),
    };
    let mut any = false;
    for file in format.files(text) {
        for_each_line(&file.find()?, |line| {
            any = any
                || match format.row() == &TSV {
                    true => line.split('\t').any(differs),
                    false => differs(line),
                };
        })?;
    }
    Ok(any)
}

fn hash_file(path: &Path) -> Result<blake3::Hash> {
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok(hasher.finalize())
    };
    hash().map_err(|error: std::io::Error| Error::input(error).at(path.display()))
}

/// The hash of a dictionary or codes, without a byte-order mark: version 0.1.0 read that as a part of the first line.
fn hash_unmarked(path: &Path) -> Result<blake3::Hash> {
    read_with(path, MAX_DICT_BYTES, |text| Ok(blake3::hash(text.as_bytes())))
}
