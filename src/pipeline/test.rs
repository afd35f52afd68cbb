//! Translating a split and scoring it.

use super::workspace::{Workspace, load_subwords};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::metrics::{BleuConfig, ChrfConfig, bleu, chrf};
use crate::model::precision::{Products, resolve};
use crate::model::{MAX_POSITIONS, Transformer};
use crate::pool::in_pool;
use crate::progress::Progress;
use crate::space::Architecture;
use crate::text::{Dataset, EOS, Prepared, SubwordModel};
use crate::train::{Validation, Weights, average_weights, load_weights};
use crate::translate::{Translation, Translator};
use crate::world::Alone;
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How one model does on the test set.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// sacreBLEU's BLEU (13a, exp).
    pub bleu: f64,
    /// chrF2.
    pub chrf: f64,
    /// The translations that were scored.
    pub hypotheses: Vec<String>,
}

/// The translator of the checkpoint at `path` (a file, or a folder of which `config` says how many checkpoints are
/// averaged), with the subwords of the run that it belongs to. `architecture` cuts a subnet out of a supernet.
///
/// # Errors
/// A precision that the device does not compute in; no checkpoint there, or not within a run directory.
pub fn load_translator(
    path: &Path,
    architecture: Option<&Architecture>,
    config: &Config,
    device: &Device,
) -> Result<Translator> {
    let weights = tested_weights(path, config, device)?;
    let own = weights.supernet.config.architecture.clone();
    let cut = |architecture| weights.subnet(architecture).map_err(|error| error.at(path.display()));
    let model = match architecture {
        Some(architecture) => cut(architecture).map_err(|error| error.at("--arch"))?,
        None => cut(&own)?,
    };
    let subwords = load_subwords(&run_root(path)?)?;
    let vocabularies = [model.config().source_vocab, model.config().target_vocab];
    if subwords.each_ref().map(|subwords| subwords.vocab_size()) != vocabularies {
        return Err(Error::input("the subwords beside it belong to another model").at(path.display()));
    }
    translator(model, subwords, config, device)
}

/// The weights at `path` that models are tested with, see [`load_translator`].
///
/// # Errors
/// No checkpoint there.
pub(super) fn tested_weights(path: &Path, config: &Config, device: &Device) -> Result<Weights> {
    match path.is_dir() && config.translate.average_checkpoints > 1 {
        true => average_weights(path, config.translate.average_checkpoints, device),
        false => load_weights(path, device),
    }
}

/// What translates with `model`, in the precision that `config` asks for.
///
/// # Errors
/// A precision that the device does not compute in.
fn translator(
    model: Transformer,
    [source_subwords, target_subwords]: [Arc<SubwordModel>; 2],
    config: &Config,
    device: &Device,
) -> Result<Translator> {
    let precision = resolve("translate.precision", config.translate.precision, device)?;
    let model = model.with_products(Products::new(precision, device));
    let lowercase = config.data.lowercase;
    Ok(Translator { model, source_subwords, target_subwords, lowercase, config: config.translate.clone() })
}

/// What translates with `model`, of the workspace's data, as its config asks for.
///
/// # Errors
/// As [`translator`].
pub(super) fn translator_of(workspace: &Workspace, model: Transformer) -> Result<Translator> {
    let Prepared { source_subwords, target_subwords, .. } = &workspace.prepared;
    translator(model, [source_subwords, target_subwords].map(Arc::clone), &workspace.config, &workspace.device)
}

/// The validation set in the batches of the search.
///
/// # Errors
/// A pair that fits into none.
pub(super) fn validation_of(workspace: &Workspace) -> Result<Validation> {
    let found = Validation::new(&workspace.prepared.valid, workspace.config.search.max_tokens);
    found.map_err(|error| error.at("search.max_tokens, validation set"))
}

/// The loss of `model` in bits a token, in single precision, as trainings have it, whatever precision translates; none where it is no
/// finite number.
pub(super) fn validation_loss(validation: &Validation, model: &Transformer) -> Option<f64> {
    Some(in_pool(|| validation.evaluate(&Alone, model)).nll_bits()).filter(|loss| loss.is_finite())
}

/// The run directory that a checkpoint is in.
fn run_root(path: &Path) -> Result<PathBuf> {
    let absolute = path.canonicalize().map_err(|error| Error::input(error).at(path.display()))?;
    let mut folders = absolute.ancestors();
    folders
        .find(|folder| folder.join("manifest.json").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| Error::input("not inside a run directory (no manifest.json above it)").at(path.display()))
}

/// The settings of the run that a checkpoint is in.
pub fn run_config(path: &Path, overrides: &[String]) -> Result<Config> {
    let file = run_root(path)?.join("config.toml");
    Config::load_with(&file.to_string_lossy(), overrides)
}

/// Translates the test set with `translator` and scores it, every pair of it: where `data.skip_long` allows for sentences that are
/// longer than models read, their translation is empty.
///
/// # Errors
/// See [`Translator::translate`].
pub fn test(workspace: &Workspace, name: &str, translator: &Translator) -> Result<Scores> {
    let best = best_of(workspace, &workspace.prepared.test, translator, name)
        .map_err(|error| error.at(format!("{name}: test set")))?;
    let references = vec![workspace.prepared.test_references.clone()];
    Ok(Scores {
        bleu: bleu(&best, &references, &BleuConfig::default())?.score,
        chrf: chrf(&best, &references, &ChrfConfig::default())?.score,
        hypotheses: best,
    })
}

/// Translates the validation set with `translator`: sacreBLEU's BLEU (13a, exp).
///
/// # Errors
/// See [`Translator::translate`].
pub(super) fn validation_bleu(workspace: &Workspace, name: &str, translator: &Translator) -> Result<f64> {
    let prepared = &workspace.prepared;
    let best = best_of(workspace, &prepared.valid, translator, name)
        .map_err(|error| error.at(format!("{name}: validation set")))?;
    Ok(bleu(&best, std::slice::from_ref(&prepared.valid_references), &BleuConfig::default())?.score)
}

/// The best translation of each source of `split`; where long ones are skipped, of what is longer than models take nothing.
fn best_of(workspace: &Workspace, split: &Dataset, translator: &Translator, name: &str) -> Result<Vec<String>> {
    let mut sources: Vec<&[u32]> = (0..split.len()).map(|i| split.source(i)).collect();
    if workspace.config.data.skip_long {
        sources.iter_mut().filter(|source| source.len() > MAX_POSITIONS).for_each(|source| *source = &[EOS]);
    }
    let bar = Progress::bar(sources.len() as u64, "sentences", format!("translating with {name}"));
    let translations = translator.translate_ids(&sources, 1, &|done| bar.inc(done))?;
    bar.finish();
    let best = |found: Vec<Translation>| found.into_iter().next().map_or_else(String::new, |best| best.text);
    Ok(translations.into_iter().map(best).collect())
}
