//! From the `[data]` settings to ids: reads the text, learns subwords, encodes, and caches all by content.

use super::bpe_codes::BpeCodes;
use super::cache;
use super::corpus;
use super::dataset::Dataset;
use super::encode::{ReportProgress, encode, references};
use super::fingerprint::fingerprints;
use super::lines::read_lines;
use super::pairs::Pairs;
use super::parallel::ParallelText;
use super::prepared::{Fingerprints, Prepared};
use super::sentencepiece::SentencePiece;
use super::statistics::{SplitStatistics, Statistics};
use super::subwords::SubwordModel;
use super::toy::toy;
use super::vocabulary::Vocabulary;
use crate::config::{Corpus, DataConfig};
use crate::error::{Error, Result};
use crate::white_space::is_blank;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Prepares the data of `data`, or takes it from the cache where it was prepared before. `seed` matters to the toy corpus
/// alone. A damaged cache is rebuilt, and one that cannot be written is done without, both with a warning.
///
/// # Errors
/// If the text cannot be used (see [`corpus::read`]), the subwords cannot be learned, or no training pair is left.
pub fn prepare(data: &DataConfig, seed: u64, progress: ReportProgress) -> Result<Prepared> {
    let data = &corpus::with_own_dictionaries(data)?;
    let fingerprints = fingerprints(data, seed)?;
    let folder = data.cache_dir.join(&fingerprints.whole);
    let prepared = match cache::load(&folder, &fingerprints) {
        Ok(Some(prepared)) => prepared,
        Ok(None) => build_and_store(data, seed, fingerprints, progress)?,
        Err(error) => {
            tracing::warn!("{}: {error}; preparing the data anew", folder.display());
            build_and_store(data, seed, fingerprints, progress)?
        }
    };
    with_references(prepared, data)
}

fn build_and_store(
    data: &DataConfig,
    seed: u64,
    fingerprints: Fingerprints,
    progress: ReportProgress,
) -> Result<Prepared> {
    let folder = data.cache_dir.join(&fingerprints.whole);
    let prepared = build(data, seed, fingerprints, progress)?;
    progress("caching data", 0, 1);
    if let Err(error) = cache::store(&folder, &prepared) {
        tracing::warn!("the prepared data is not cached: {error}");
    }
    progress("caching data", 1, 1);
    Ok(prepared)
}

/// Puts the references that `data` names in place of the test text's. They are no part of what models are trained on, nor of the fingerprint.
fn with_references(mut prepared: Prepared, data: &DataConfig) -> Result<Prepared> {
    if data.test_reference.as_os_str().is_empty() {
        return Ok(prepared);
    }
    let beside_text = data.dir.join(&data.test_reference);
    let path = if beside_text.is_file() { &beside_text } else { &data.test_reference };
    let mut lines = read_lines(path).map_err(|error| error.at("data.test_reference"))?;
    if lines.len() != prepared.test.len() {
        return Err(Error::input(format!(
            "{} lines where `data.test` has {} pairs: line i must be the reference of pair i",
            lines.len(),
            prepared.test.len()
        ))
        .at(path.display()));
    }
    if data.lowercase {
        lines.iter_mut().for_each(|line| *line = line.to_lowercase());
    }
    prepared.test_references = lines;
    prepared.has_joined_references = false;
    Ok(prepared)
}

fn build(data: &DataConfig, seed: u64, fingerprints: Fingerprints, progress: ReportProgress) -> Result<Prepared> {
    let [train_texts, valid_texts, test_texts] = read(data, seed, progress)?;
    let (train_texts, mut train) = drop_blank(train_texts);
    let [source_subwords, target_subwords] = learn(data, &train_texts, progress)?;
    let subwords = [&*source_subwords, &*target_subwords];

    let train_pairs =
        encode(&train_texts, subwords, progress, |source, target| keep(data, source.len(), target.len(), &mut train));
    if train_pairs.is_empty() {
        return Err(Error::input(format!(
            "no training pair is left of {}: {} blank, {} longer than `max_length`, {} beyond `max_length_ratio`",
            train.pairs_read, train.dropped_blank, train.dropped_length, train.dropped_ratio
        )));
    }
    train.count(&train_pairs);
    let whole = |texts: &[Pairs]| {
        let pairs = encode(texts, subwords, progress, |_, _| true);
        let mut statistics = SplitStatistics { pairs_read: pairs.len(), ..SplitStatistics::default() };
        statistics.count(&pairs);
        (pairs, statistics)
    };
    let (valid_pairs, valid) = whole(&valid_texts);
    let (test_pairs, test) = whole(&test_texts);
    Ok(Prepared {
        statistics: Statistics {
            source_vocabulary: source_subwords.vocab_size(),
            target_vocabulary: target_subwords.vocab_size(),
            train,
            valid,
            test,
        },
        train: train_pairs,
        valid: valid_pairs,
        test: test_pairs,
        valid_references: references(valid_texts, &target_subwords),
        has_joined_references: test_texts.iter().any(|pairs| matches!(pairs, Pairs::Ids(_))),
        test_references: references(test_texts, &target_subwords),
        source_subwords,
        target_subwords,
        fingerprints,
    })
}

fn read(data: &DataConfig, seed: u64, progress: ReportProgress) -> Result<[Vec<Pairs>; 3]> {
    let stage = |done| progress("reading text", done, 3);
    stage(0);
    if data.corpus == Corpus::Toy {
        let texts = toy(seed, data.toy_pairs)?;
        stage(3);
        return Ok(texts.map(|text| vec![Pairs::Text(text)]));
    }
    let [train, valid, test] = corpus::parts(data)?;
    let train = corpus::read(data, train)?;
    stage(1);
    let valid = corpus::read(data, valid)?;
    stage(2);
    let test = if test.is_empty() { Vec::new() } else { corpus::read(data, test)? };
    stage(3);
    Ok([train, valid, test])
}

/// The pairs of which neither side is blank, and how many there were.
fn drop_blank(texts: Vec<Pairs>) -> (Vec<Pairs>, SplitStatistics) {
    let count = |texts: &[Pairs]| texts.iter().map(Pairs::len).sum::<usize>();
    let pairs_read = count(&texts);
    let texts: Vec<Pairs> = texts.into_iter().map(without_blank).collect();
    let dropped_blank = pairs_read - count(&texts);
    (texts, SplitStatistics { pairs_read, dropped_blank, ..SplitStatistics::default() })
}

fn without_blank(pairs: Pairs) -> Pairs {
    match pairs {
        Pairs::Text(text) => {
            let pairs = text.sources.into_iter().zip(text.targets);
            let (sources, targets) = pairs.filter(|(source, target)| !is_blank(source) && !is_blank(target)).unzip();
            Pairs::Text(ParallelText { sources, targets })
        }
        Pairs::Ids(ids) => {
            let mut kept = Dataset::default();
            for (source, target) in ids.pairs().filter(|(source, target)| !source.is_empty() && !target.is_empty()) {
                kept.push(source, target);
            }
            Pairs::Ids(kept)
        }
    }
}

/// The subwords of the source and of the target.
fn learn(data: &DataConfig, texts: &[Pairs], progress: ReportProgress) -> Result<[Arc<SubwordModel>; 2]> {
    if data.has_published_subwords() {
        return published_subwords(data);
    }
    let stage = |done| progress("learning subwords", done, 2);
    let sources = || texts.iter().filter_map(Pairs::text).flat_map(|text| &text.sources).map(String::as_str);
    let targets = || texts.iter().filter_map(Pairs::text).flat_map(|text| &text.targets).map(String::as_str);
    let learn = |lines: Vec<&str>| -> Result<_> {
        let model = SubwordModel::learn(lines, data.vocab_size, data.subwords).map_err(|error| error.at("data"))?;
        let (asked, found) = (data.vocab_size, model.vocab_size());
        // The toy corpus has no more, whatever is asked for.
        if found < asked && data.corpus != Corpus::Toy {
            tracing::warn!("data.vocab_size = {asked}, but the training text gives {found} subwords alone");
        }
        Ok(Arc::new(model))
    };
    stage(0);
    let models = if data.joined_vocabulary {
        let joined = learn(sources().chain(targets()).collect())?;
        [Arc::clone(&joined), joined]
    } else {
        let source = learn(sources().collect())?;
        stage(1);
        [source, learn(targets().collect())?]
    };
    stage(2);
    Ok(models)
}

/// The source's and the target's subwords that `data` names: `source_dict` and `target_dict` with `bpe_codes` or
/// `sentencepiece` and `sentencepiece_target`, or the latter two alone. They are one model where there is one, or two equal ones.
///
/// # Errors
/// A file that cannot be used; two vocabularies where `joined_vocabulary` asks for one.
pub fn published_subwords(data: &DataConfig) -> Result<[Arc<SubwordModel>; 2]> {
    let given = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
    let [dict, model] = [given(&data.source_dict), given(&data.sentencepiece)];
    let [target_dict, target_model] = [given(&data.target_dict), given(&data.sentencepiece_target)];
    let codes = given(&data.bpe_codes).map(|path| BpeCodes::load(&path)).transpose()?;
    let load = |dict: Option<&Path>, model: Option<&Path>| {
        let vocabulary = dict.map(Vocabulary::from_fairseq_dict).transpose()?;
        match (model.map(SentencePiece::load).transpose()?, vocabulary) {
            (Some(model), vocabulary) => SubwordModel::sentencepiece(model, vocabulary),
            (None, Some(vocabulary)) => Ok(SubwordModel::published(vocabulary, codes.clone())),
            (None, None) => Err(Error::input("neither data.source_dict nor data.sentencepiece is given")),
        }
    };
    let source = Arc::new(load(dict.as_deref(), model.as_deref())?);
    let Some(of_target) = target_dict.clone().or(target_model.clone()) else {
        return Ok([Arc::clone(&source), source]);
    };
    let target = load(target_dict.as_deref().or(dict.as_deref()), target_model.as_deref().or(model.as_deref()))?;
    if target.vocabulary() == source.vocabulary() {
        let segments_alike = target_model.is_none() || target.to_json()? == source.to_json()?;
        let target = if segments_alike { Arc::clone(&source) } else { Arc::new(target) };
        return Ok([source, target]);
    }
    if data.joined_vocabulary {
        let of_source = dict.or(model).unwrap_or_default();
        let message =
            format!("differs from {}, but data.joined_vocabulary = true asks for one vocabulary", of_source.display());
        return Err(Error::input(message).at(of_target.display()));
    }
    Ok([source, Arc::new(target)])
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
