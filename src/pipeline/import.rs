//! `automoe import`: a run directory from a model that was trained elsewhere.

use super::export::{count, named_tensors};
use super::workspace::{load_subwords, prepare_data, save_subwords, transformer_config};
use crate::config::{Config, Tables};
use crate::cost::Embeddings;
use crate::error::{Error, Result, refuse};
use crate::interop::foreign::{self, ForeignModel};
use crate::interop::shape::{infer_embeddings, infer_shape};
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::weights::lookup;
use crate::model::{Supernet, Transformer, TransformerConfig, Value};
use crate::run::directory::check_model_name;
use crate::run::{Checkpoints, NamedTensor, RunDirectory};
use crate::space::{Architecture, MAX_WIDTH};
use crate::text::{SubwordModel, published_subwords, subwords_fingerprint};
use crate::train::{Origin, save_weights};
use burn::tensor::Device;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is imported, and as what.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The file.
    pub checkpoint: &'a Path,
    /// The model's architecture; `None`: as the file says, else the space's largest.
    pub architecture: Option<Architecture>,
    /// Name of the model, where it is no SuperNet.
    pub name: &'a str,
    /// Remove an earlier run in the run directory.
    pub fresh: bool,
}

/// What was imported.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The folder of its checkpoint.
    pub model: PathBuf,
    /// Its shape.
    pub architecture: Architecture,
    /// Elements of all tensors, embeddings included.
    pub parameters: usize,
    /// Of these, in the embeddings.
    pub embedding_parameters: usize,
}

/// Makes a run directory (`config.run_dir`) of the model in a file: its `supernet/` where the model is the space's largest,
/// otherwise `models/NAME/`. The subwords are the published ones that `config` names, or those of its data.
///
/// A model of the space's largest shape for which a smaller architecture is given (as the reference saves what it trained
/// of a SuperNet) is cut to it.
///
/// # Errors
/// An unusable file; a model that is not of the config's settings, of the architecture, or of the subwords; a run directory
/// that holds something else.
pub fn import(mut config: Config, request: &Import) -> Result<Imported> {
    let place = |error: Error| error.at(request.checkpoint.display());
    check_model_name(request.name)?;
    let model = foreign::load(request.checkpoint)?;
    let embeddings = infer_embeddings(&model.tensors).map_err(place)?;
    check_settings(&config, &model.tensors, &embeddings).map_err(place)?;
    let chosen = choose(&config, request, model, &embeddings).map_err(place)?;
    let subwords = match config.data.has_published_subwords() {
        true => published_subwords(&config.data)?,
        false => {
            let hint = "without --dict-source or --sentencepiece the subwords are those of the config's data";
            let prepared = prepare_data(&config).map_err(|error| error.at(hint))?;
            [prepared.source_subwords, prepared.target_subwords]
        }
    };
    check_vocabularies(&config, &subwords, &embeddings).map_err(place)?;
    if config.data.has_published_subwords() {
        config.data.vocab_size = subwords[1].vocab_size();
    }

    let run = RunDirectory::open(&config.run_dir, &config.to_toml()?, "import", request.fresh)?;
    let folder = if chosen.is_supernet { run.supernet() } else { run.model(request.name)? };
    if Checkpoints::new(&folder).chosen().is_some() {
        let message = "there is a model here already; give another --name or --run-dir, or --fresh to discard the run";
        return Err(Error::input(message).at(folder.display()));
    }
    let fingerprint = subwords_fingerprint([&subwords[0], &subwords[1]])?;
    if let Ok([source, target]) = load_subwords(run.root())
        && subwords_fingerprint([&source, &target])? != fingerprint
    {
        let message = "this run has other subwords than the model; give another --run-dir";
        return Err(Error::input(message).at(run.root().display()));
    }
    save_subwords(&run, [&subwords[0], &subwords[1]])?;
    let origin = Origin { data: &fingerprint, alone: !chosen.is_supernet };
    save_weights(&folder, &chosen.tensors, &chosen.config, origin)?;
    let [parameters, embedding_parameters] = count(&chosen.tensors);
    Ok(Imported { model: folder, architecture: chosen.config.architecture, parameters, embedding_parameters })
}

/// The model as it will be saved.
struct Chosen {
    config: TransformerConfig,
    tensors: Vec<NamedTensor>,
    is_supernet: bool,
}

/// Finds out what the model is and checks each of its tensors.
fn choose(config: &Config, request: &Import, model: ForeignModel, embeddings: &Embeddings) -> Result<Chosen> {
    let ForeignModel { tensors, shape } = model;
    let largest = config.space()?.supernet();
    let of = |architecture: &Architecture| {
        transformer_config(config, embeddings.source_vocab, embeddings.target_vocab, architecture.clone(), &largest)
    };
    let supernet = of(&largest);
    if shape.supernet_dims.is_some_and(|widths| widths.into_iter().any(|width| width > MAX_WIDTH)) {
        return Err(Error::input(format!("the widths that its positions are made for are above {MAX_WIDTH}")));
    }
    // Positions made for other widths make it another model, whatever its tensors.
    let own_widths = [supernet.encoder_supernet_dim, supernet.decoder_supernet_dim];
    let same_widths = shape.supernet_dims.is_none_or(|widths| widths == own_widths);
    let disagrees_with_largest = disagreement(&tensors, &supernet);
    let given = request
        .architecture
        .clone()
        .or(shape.architecture)
        .filter(|architecture| *architecture != largest || !same_widths);
    let Some(architecture) = given else {
        let Some(fault) = disagrees_with_largest else {
            return Ok(Chosen { config: supernet, tensors, is_supernet: true });
        };
        let is = infer_shape(&tensors).map_or_else(|_| String::new(), |shape| format!(" (it has {shape})"));
        return Err(Error::input(format!(
            "not the largest model of the config's space{is}: {fault}; give its architecture with --arch, or its config"
        )));
    };
    refuse(&architecture.head_faults(config.model.qkv_dim))?;
    let mut own = of(&architecture);
    match disagreement(&tensors, &own) {
        None => {
            if let Some([encoder, decoder]) = shape.supernet_dims {
                own.encoder_supernet_dim = encoder.max(architecture.encoder.embed_dim);
                own.decoder_supernet_dim = decoder.max(architecture.decoder.embed_dim);
            }
            Ok(Chosen { config: own, tensors, is_supernet: false })
        }
        Some(_) if disagrees_with_largest.is_none() => {
            let tensors = cut(supernet, tensors, &architecture)?;
            Ok(Chosen { config: own, tensors, is_supernet: false })
        }
        Some(fault) => Err(Error::input(format!("not a model of its architecture: {fault}"))),
    }
}

/// The first of `tensors` that a model of `config` does not have, or has in another shape; or the first that is missing.
fn disagreement(tensors: &[NamedTensor], config: &TransformerConfig) -> Option<String> {
    let mut expected = Transformer::named_shapes(config);
    for NamedTensor { name, shape, .. } in tensors {
        match expected.remove(name) {
            Some(wanted) if wanted == *shape => {}
            Some(wanted) => return Some(format!("`{name}` has the shape {shape:?} where {wanted:?} is expected")),
            None => return Some(format!("`{}` of the shape {shape:?} is one too many", name.escape_debug())),
        }
    }
    expected.pop_first().map(|(name, shape)| format!("`{name}` of the shape {shape:?} is missing"))
}

/// The weights of `architecture` within those of the SuperNet of `config`.
fn cut(config: TransformerConfig, tensors: Vec<NamedTensor>, architecture: &Architecture) -> Result<Vec<NamedTensor>> {
    let device = Device::flex();
    let values: BTreeMap<String, Value> =
        tensors.into_iter().map(|tensor| (tensor.name, Value::from_vec(tensor.data, &tensor.shape, &device))).collect();
    let supernet =
        Supernet::from_source(config, Arc::new(LeadingSlice), &device, |name, shape| lookup(&values, name, shape))?;
    supernet.weights(architecture).map(named_tensors)
}

/// That the settings of `config` are the model's, as far as its tensors tell.
///
/// # Errors
/// All that are not, and the options that mend them.
fn check_settings(config: &Config, tensors: &[NamedTensor], embeddings: &Embeddings) -> Result<()> {
    let model = &config.model;
    let [shares_all, shares_output] = match embeddings.tables {
        Tables::Shared => [true, true],
        Tables::Tied => [false, true],
        Tables::Separate => [false, false],
    };
    let mut settings =
        vec![("model.share_all_embeddings", model.share_all_embeddings.to_string(), shares_all.to_string())];
    if shares_all {
        settings.push(("data.joined_vocabulary", config.data.joined_vocabulary.to_string(), true.to_string()));
    } else {
        let configured = model.share_decoder_input_output_embed.to_string();
        settings.push(("model.share_decoder_input_output_embed", configured, shares_output.to_string()));
    }
    let name = "self_attn.in_proj.weight";
    let attention = tensors.iter().find(|tensor| tensor.name.ends_with(name) && tensor.shape.len() == 2);
    let qkv_dim = attention.map_or(model.qkv_dim, |tensor| tensor.shape[0] / 3);
    settings.push(("model.qkv_dim", model.qkv_dim.to_string(), qkv_dim.to_string()));
    settings.retain(|(_, configured, found)| configured != found);
    if settings.is_empty() {
        return Ok(());
    }
    let others = settings.iter().map(|(key, configured, found)| format!("{key} = {found} and not {configured}"));
    let options = settings.iter().map(|(key, _, found)| format!("--set {key}={found}"));
    let (others, options) = (others.collect::<Vec<_>>().join(", "), options.collect::<Vec<_>>().join(" "));
    Err(Error::input(format!("its tensors are those of {others}; add {options}")))
}

/// That the embedding tables have a row for each subword.
fn check_vocabularies(config: &Config, subwords: &[Arc<SubwordModel>; 2], embeddings: &Embeddings) -> Result<()> {
    let data = &config.data;
    let first_given = |paths: &[&PathBuf]| {
        paths
            .iter()
            .find(|path| !path.as_os_str().is_empty())
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    };
    let source = first_given(&[&data.source_dict, &data.sentencepiece]);
    let target = first_given(&[&data.target_dict, &data.source_dict, &data.sentencepiece_target, &data.sentencepiece]);
    let sides = [("encoder", embeddings.source_vocab, source), ("decoder", embeddings.target_vocab, target)];
    for ((side, rows, file), subwords) in sides.into_iter().zip(subwords) {
        let found = subwords.vocab_size();
        if rows != found {
            let place = match data.has_published_subwords() {
                true => format!("{file} has, with the four special ones, {found}"),
                false => {
                    format!("the config's data has {found}; give the model's own with --dict-source or --sentencepiece")
                }
            };
            return Err(Error::input(format!("the {side}'s table has {rows} subwords where {place}")));
        }
    }
    Ok(())
}
