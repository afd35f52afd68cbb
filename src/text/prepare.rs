//! From the `[data]` settings to ids: reads the text, learns subwords, encodes, and caches all by content.

use super::bpe_codes::BpeCodes;
use super::cache;
use super::corpus;
use super::dataset::Dataset;
use super::format::NamedText;
use super::parallel::ParallelText;
use super::prepared::Prepared;
use super::statistics::{SplitStatistics, Statistics};
use super::subwords::SubwordModel;
use super::toy::toy;
use super::vocabulary::Vocabulary;
use crate::catalog::TWO_FILES;
use crate::config::{Corpus, DataConfig};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Raised when the same settings and text give other data than before, so that older caches are not used.
const CACHE_VERSION: u32 = 1;

/// Pairs that are encoded between two reports of progress.
const CHUNK: usize = 8192;

/// Told about progress: the stage, how much of it is done, and how much there is.
pub type ReportProgress<'a> = &'a dyn Fn(&str, u64, u64);

/// Prepares the data of `data`, or takes it from the cache where it was prepared before. `seed` matters to the toy corpus
/// alone. A damaged cache is rebuilt, and one that cannot be written is done without, both with a warning.
///
/// # Errors
/// If the text cannot be used (see [`corpus::read`]), the subwords cannot be learned, or no training pair is left.
pub fn prepare(data: &DataConfig, seed: u64, progress: ReportProgress) -> Result<Prepared> {
    let fingerprint = fingerprint(data, seed)?;
    let folder = data.cache_dir.join(&fingerprint);
    match cache::load(&folder, &fingerprint) {
        Ok(Some(prepared)) => return Ok(prepared),
        Ok(None) => {}
        Err(error) => tracing::warn!("{}: {error}; preparing the data anew", folder.display()),
    }
    let prepared = build(data, seed, fingerprint, progress)?;
    progress("caching data", 0, 1);
    if let Err(error) = cache::store(&folder, &prepared) {
        tracing::warn!("the prepared data is not cached: {error}");
    }
    progress("caching data", 1, 1);
    Ok(prepared)
}

/// A hash of the settings that matter and of the text.
fn fingerprint(data: &DataConfig, seed: u64) -> Result<String> {
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
            let hash = if path.as_os_str().is_empty() { String::new() } else { hash_file(path)?.to_string() };
            hasher.update(format!("{hash};").as_bytes());
        }
    }
    match data.corpus {
        Corpus::Toy => {
            hasher.update(serde_json::json!([seed, data.toy_pairs]).to_string().as_bytes());
        }
        Corpus::Files => {
            for names in parts(data)? {
                hasher.update(&(names.len() as u64).to_le_bytes());
                for name in names {
                    hash_text(&mut hasher, &NamedText::new(data, name))?;
                }
            }
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
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

fn hash_file(path: &Path) -> Result<blake3::Hash> {
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok(hasher.finalize())
    };
    hash().map_err(|error: std::io::Error| Error::input(error).at(path.display()))
}

/// The names of training, validation and test text. Only the test text may be left out.
fn parts(data: &DataConfig) -> Result<[&[String]; 3]> {
    for (key, names) in [("train", &data.train), ("valid", &data.valid)] {
        if names.is_empty() {
            return Err(Error::input(format!("`data.{key}` names no files")));
        }
    }
    Ok([&data.train, &data.valid, &data.test])
}

fn build(data: &DataConfig, seed: u64, fingerprint: String, progress: ReportProgress) -> Result<Prepared> {
    let [train_text, valid_text, test_text] = read(data, seed, progress)?;
    let (train_text, mut train) = drop_blank(train_text);
    let [source_subwords, target_subwords] = learn(data, &train_text, progress)?;
    let subwords = [&*source_subwords, &*target_subwords];

    let train_pairs =
        encode(&train_text, subwords, progress, |source, target| keep(data, source.len(), target.len(), &mut train));
    if train_pairs.is_empty() {
        return Err(Error::input(format!(
            "no training pair is left of {}: {} blank, {} longer than `max_length`, {} beyond `max_length_ratio`",
            train.pairs_read, train.dropped_blank, train.dropped_length, train.dropped_ratio
        )));
    }
    train.count(&train_pairs);
    let whole = |text: &ParallelText| {
        let pairs = encode(text, subwords, progress, |_, _| true);
        let mut statistics = SplitStatistics { pairs_read: text.len(), ..SplitStatistics::default() };
        statistics.count(&pairs);
        (pairs, statistics)
    };
    let (valid_pairs, valid) = whole(&valid_text);
    let (test_pairs, test) = whole(&test_text);
    Ok(Prepared {
        statistics: Statistics {
            source_vocabulary: source_subwords.vocab_size(),
            target_vocabulary: target_subwords.vocab_size(),
            train,
            valid,
            test,
        },
        source_subwords,
        target_subwords,
        train: train_pairs,
        valid: valid_pairs,
        test: test_pairs,
        valid_references: valid_text.targets,
        test_references: test_text.targets,
        fingerprint,
    })
}

fn read(data: &DataConfig, seed: u64, progress: ReportProgress) -> Result<[ParallelText; 3]> {
    let stage = |done| progress("reading text", done, 3);
    stage(0);
    if data.corpus == Corpus::Toy {
        let texts = toy(seed, data.toy_pairs)?;
        stage(3);
        return Ok(texts);
    }
    let [train, valid, test] = parts(data)?;
    let train = corpus::read(data, train)?;
    stage(1);
    let valid = corpus::read(data, valid)?;
    stage(2);
    let test = if test.is_empty() { ParallelText::default() } else { corpus::read(data, test)? };
    stage(3);
    Ok([train, valid, test])
}

/// The pairs of which neither side is blank, and how many there were.
fn drop_blank(text: ParallelText) -> (ParallelText, SplitStatistics) {
    let pairs_read = text.len();
    let pairs = text.sources.into_iter().zip(text.targets);
    let (sources, targets) =
        pairs.filter(|(source, target)| !source.trim().is_empty() && !target.trim().is_empty()).unzip();
    let text = ParallelText { sources, targets };
    let statistics =
        SplitStatistics { pairs_read, dropped_blank: pairs_read - text.len(), ..SplitStatistics::default() };
    (text, statistics)
}

/// The subwords of the source and of the target.
fn learn(data: &DataConfig, text: &ParallelText, progress: ReportProgress) -> Result<[Arc<SubwordModel>; 2]> {
    if data.has_published_subwords() {
        return published_subwords(data);
    }
    let stage = |done| progress("learning subwords", done, 2);
    let learn = |sides: &[&Vec<String>]| {
        let lines = sides.iter().flat_map(|lines| lines.iter().map(String::as_str));
        SubwordModel::learn(lines, data.vocab_size, data.subwords).map(Arc::new).map_err(|error| error.at("data"))
    };
    stage(0);
    let models = if data.joined_vocabulary {
        let joined = learn(&[&text.sources, &text.targets])?;
        [Arc::clone(&joined), joined]
    } else {
        let source = learn(&[&text.sources])?;
        stage(1);
        [source, learn(&[&text.targets])?]
    };
    stage(2);
    Ok(models)
}

/// The source's and the target's subwords that `data` names: `source_dict`, `target_dict` and `bpe_codes`. They are one
/// model where there is one dictionary, or two equal ones.
///
/// # Errors
/// A file that cannot be used; two dictionaries where `joined_vocabulary` asks for one.
pub fn published_subwords(data: &DataConfig) -> Result<[Arc<SubwordModel>; 2]> {
    let is_given = |path: &Path| !path.as_os_str().is_empty();
    let codes = is_given(&data.bpe_codes).then(|| BpeCodes::load(&data.bpe_codes)).transpose()?;
    let load = |dict: &Path| Ok(SubwordModel::published(Vocabulary::from_fairseq_dict(dict)?, codes.clone()));
    let source = Arc::new(load(&data.source_dict)?);
    if !is_given(&data.target_dict) {
        return Ok([Arc::clone(&source), source]);
    }
    let target = load(&data.target_dict)?;
    if target.vocabulary() == source.vocabulary() {
        return Ok([Arc::clone(&source), source]);
    }
    if data.joined_vocabulary {
        let message = format!(
            "differs from {}, but data.joined_vocabulary = true asks for one vocabulary",
            data.source_dict.display()
        );
        return Err(Error::input(message).at(data.target_dict.display()));
    }
    Ok([source, Arc::new(target)])
}

/// The ids of those pairs that `keep` wants, which sees them without eos.
fn encode(
    text: &ParallelText,
    [source_subwords, target_subwords]: [&SubwordModel; 2],
    progress: ReportProgress,
    mut keep: impl FnMut(&[u32], &[u32]) -> bool,
) -> Dataset {
    let mut pairs = Dataset::default();
    let mut done = 0;
    let chunks = text.sources.chunks(CHUNK).zip(text.targets.chunks(CHUNK));
    for (sources, targets) in chunks {
        progress("encoding text", done, text.len() as u64);
        let encoded: Vec<(Vec<u32>, Vec<u32>)> = sources
            .par_iter()
            .zip(targets)
            .map(|(source, target)| (source_subwords.encode(source), target_subwords.encode(target)))
            .collect();
        for (source, target) in encoded {
            if keep(&source, &target) {
                pairs.push(&source, &target);
            }
        }
        done += sources.len() as u64;
    }
    progress("encoding text", done, text.len() as u64);
    pairs
}

/// Whether a training pair of these lengths stays; counts it where not.
fn keep(data: &DataConfig, source: usize, target: usize, statistics: &mut SplitStatistics) -> bool {
    let (shorter, longer) = (source.min(target), source.max(target));
    if data.max_length > 0 && longer > data.max_length {
        statistics.dropped_length += 1;
        return false;
    }
    if data.max_length_ratio > 0.0 && longer as f64 > data.max_length_ratio * shorter as f64 {
        statistics.dropped_ratio += 1;
        return false;
    }
    true
}
