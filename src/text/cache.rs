//! Keeps prepared data by content: a folder a preparation, which appears whole or not at all and is checked when read.

use super::dataset::Dataset;
use super::prepared::{Fingerprints, Prepared};
use super::statistics::Statistics;
use super::subwords::SubwordModel;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Hashes of the other files of the folder; written last.
const MANIFEST: &str = "manifest.json";
const SOURCE_SUBWORDS: &str = "source.json";
/// There only where the vocabularies are separate.
const TARGET_SUBWORDS: &str = "target.json";
const TEXT: &str = "text.json";
const PARTS: [&str; 3] = ["train.safetensors", "valid.safetensors", "test.safetensors"];

/// What is kept as text.
#[derive(Serialize, Deserialize)]
struct Text {
    valid_references: Vec<String>,
    test_references: Vec<String>,
    /// Only there where they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_joined_references: bool,
    /// Whether references of segmented text are sentences: earlier versions kept the text.
    #[serde(default)]
    has_sentences: bool,
    statistics: Statistics,
}

/// The prepared data in `folder`, which was made of what has these `fingerprints`, or nothing where there is no such folder, or one of
/// an earlier version.
///
/// # Errors
/// If a file is missing, changed or damaged.
pub fn load(folder: &Path, fingerprints: &Fingerprints) -> Result<Option<Prepared>> {
    if !folder.exists() {
        return Ok(None);
    }
    let files = read_checked(folder)?;
    let get = |name: &str| {
        let bytes = files.get(name).map(Vec::as_slice);
        bytes.ok_or_else(|| Error::input("not in the manifest").at(name))
    };
    let model = |name: &str| {
        let json = std::str::from_utf8(get(name)?).map_err(Error::input)?;
        Ok(Arc::new(SubwordModel::from_json(json).map_err(|error| error.at(name))?))
    };
    let source_subwords = model(SOURCE_SUBWORDS)?;
    let target_subwords =
        if files.contains_key(TARGET_SUBWORDS) { model(TARGET_SUBWORDS)? } else { Arc::clone(&source_subwords) };
    let part = |name: &str| {
        let sizes = [source_subwords.vocab_size(), target_subwords.vocab_size()];
        Dataset::from_bytes(get(name)?, sizes[0], sizes[1]).map_err(|error| error.at(name))
    };
    let [train, valid, test] = [part(PARTS[0])?, part(PARTS[1])?, part(PARTS[2])?];
    let mut text: Text = serde_json::from_slice(get(TEXT)?).map_err(|error| Error::input(error).at(TEXT))?;
    if !text.has_sentences {
        return Ok(None);
    }
    let lengths = [text.valid_references.len(), text.test_references.len()];
    if lengths != [valid.len(), test.len()] {
        return Err(Error::input("references and pairs differ in number").at(TEXT));
    }
    // Means and rates are counted anew: JSON need not give every bit of them back.
    text.statistics.train.count(&train);
    text.statistics.valid.count(&valid);
    text.statistics.test.count(&test);
    Ok(Some(Prepared {
        source_subwords,
        target_subwords,
        train,
        valid,
        test,
        valid_references: text.valid_references,
        test_references: text.test_references,
        has_joined_references: text.has_joined_references,
        statistics: text.statistics,
        fingerprints: fingerprints.clone(),
    }))
}

/// Keeps `prepared` in `folder`. Where another process was faster, its folder stays; where the folder there is damaged,
/// it is replaced.
///
/// # Errors
/// If the folder cannot be written.
pub fn store(folder: &Path, prepared: &Prepared) -> Result<()> {
    let fail = |error: std::io::Error| Error::failure(error).at(folder.display());
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(fail)?;
    let scratch = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent).map_err(fail)?;
    let whole = scratch.path().join("new");
    std::fs::create_dir(&whole).map_err(fail)?;
    write(&whole, prepared)?;
    // Neither move replaces a folder with files in it; between the two, another process may have put its own in place.
    if std::fs::rename(&whole, folder).is_ok()
        || load(folder, &prepared.fingerprints).is_ok_and(|there| there.is_some())
    {
        return Ok(());
    }
    std::fs::rename(folder, scratch.path().join("damaged")).map_err(fail)?;
    match std::fs::rename(&whole, folder) {
        Err(_) if folder.exists() => Ok(()),
        result => result.map_err(fail),
    }
}

fn write(folder: &Path, prepared: &Prepared) -> Result<()> {
    let text = Text {
        valid_references: prepared.valid_references.clone(),
        test_references: prepared.test_references.clone(),
        has_joined_references: prepared.has_joined_references,
        has_sentences: true,
        statistics: prepared.statistics.clone(),
    };
    let mut files = vec![
        (SOURCE_SUBWORDS, prepared.source_subwords.to_json()?.into_bytes()),
        (TEXT, serde_json::to_vec(&text).map_err(Error::failure)?),
    ];
    if !Arc::ptr_eq(&prepared.source_subwords, &prepared.target_subwords) {
        files.push((TARGET_SUBWORDS, prepared.target_subwords.to_json()?.into_bytes()));
    }
    for (name, part) in PARTS.into_iter().zip([&prepared.train, &prepared.valid, &prepared.test]) {
        files.push((name, part.to_bytes()?));
    }
    let manifest: BTreeMap<&str, String> =
        files.iter().map(|(name, bytes)| (*name, blake3::hash(bytes).to_hex().to_string())).collect();
    files.push((MANIFEST, serde_json::to_vec_pretty(&manifest).map_err(Error::failure)?));
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|error| Error::failure(error).at(path.display()))?;
    }
    Ok(())
}

/// Every file that the manifest lists, with the bytes that it demands.
fn read_checked(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let read = |name: &str| std::fs::read(folder.join(name)).map_err(|error| Error::input(error).at(name));
    let manifest: BTreeMap<String, String> =
        serde_json::from_slice(&read(MANIFEST)?).map_err(|error| Error::input(error).at(MANIFEST))?;
    let known = [SOURCE_SUBWORDS, TARGET_SUBWORDS, TEXT].into_iter().chain(PARTS).collect::<Vec<_>>();
    let mut files = BTreeMap::new();
    for (name, hash) in manifest {
        if !known.contains(&name.as_str()) {
            return Err(Error::input(format!("lists `{}`", name.escape_debug())).at(MANIFEST));
        }
        let bytes = read(&name)?;
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            return Err(Error::input("changed since it was written").at(name));
        }
        files.insert(name, bytes);
    }
    Ok(files)
}
