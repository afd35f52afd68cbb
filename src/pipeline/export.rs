//! `automoe export`: a checkpoint's weights as a safetensors file that others read.

use crate::error::{Error, Result};
use crate::interop::foreign::{self, ForeignModel, ModelShape, Names};
use crate::model::weights::Rule;
use crate::model::{TransformerConfig, Value, Values};
use crate::run::NamedTensor;
use crate::run::checkpoints::resolve;
use crate::space::Architecture;
use crate::train::{load_weights, read_weights};
use burn::tensor::Device;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was exported.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The file.
    pub file: PathBuf,
    /// Elements of all tensors, embeddings included.
    pub parameters: usize,
    /// Of these, in the embeddings.
    pub embedding_parameters: usize,
}

/// Writes the weights of the checkpoint at `checkpoint` (a file, or a folder with one) to `file`, bit for bit, with the
/// architecture as an annotation; with `architecture` those of this subnet, as it is cut.
///
/// # Errors
/// No such checkpoint; one of a rule by which subnets alone have weights, without an architecture; an architecture that is no
/// subnet; a file that is no `.safetensors`, is the checkpoint itself, or cannot be written.
pub fn export(checkpoint: &Path, architecture: Option<&Architecture>, file: &Path, names: Names) -> Result<Exported> {
    if file.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(Error::input("expected a name that ends in .safetensors").at(file.display()));
    }
    if resolve(checkpoint)?
        .with_extension("safetensors")
        .canonicalize()
        .ok()
        .is_some_and(|own| file.canonicalize().ok() == Some(own))
    {
        return Err(Error::input("this is the checkpoint itself; give another --out").at(file.display()));
    }
    let (tensors, config) = match architecture {
        None => whole(checkpoint)?,
        Some(architecture) => subnet(checkpoint, architecture)?,
    };
    let shape = ModelShape {
        supernet_dims: Some([config.encoder_supernet_dim, config.decoder_supernet_dim]),
        architecture: Some(config.architecture),
    };
    let [parameters, embedding_parameters] = count(&tensors);
    foreign::save(file, ForeignModel { tensors, shape }, names)?;
    Ok(Exported { file: file.to_path_buf(), parameters, embedding_parameters })
}

/// All weights of the checkpoint, and their model.
fn whole(checkpoint: &Path) -> Result<(Vec<NamedTensor>, TransformerConfig)> {
    let stored = read_weights(checkpoint)?;
    let rule = stored.rule();
    if rule != Rule::default() {
        let message =
            format!("a SuperNet whose weights are shared as {rule}: its subnets alone can be exported; give --arch");
        return Err(Error::input(message).at(checkpoint.display()));
    }
    Ok((stored.tensors, stored.config))
}

/// The weights of a subnet of the checkpoint, and its model.
fn subnet(checkpoint: &Path, architecture: &Architecture) -> Result<(Vec<NamedTensor>, TransformerConfig)> {
    let weights = load_weights(checkpoint, &Device::flex())?;
    let place = |error: Error| error.at(checkpoint.display());
    weights.check_subnet(architecture).map_err(place)?;
    let values = weights.supernet.weights(architecture).map_err(place)?;
    Ok((named_tensors(values), weights.supernet.config.with_architecture(architecture)))
}

/// Values as they are written.
pub(super) fn named_tensors(values: Values) -> Vec<NamedTensor> {
    let tensor = |(name, value): (String, Value)| NamedTensor { name, shape: value.shape(), data: value.to_vec() };
    values.into_iter().map(tensor).collect()
}

/// The elements of `tensors`, which have our names: all, and those of the embedding tables.
pub(super) fn count(tensors: &[NamedTensor]) -> [usize; 2] {
    let embeddings = tensors.iter().filter(|tensor| tensor.name.contains("embed_"));
    [tensors.iter().map(|tensor| tensor.data.len()).sum(), embeddings.map(|tensor| tensor.data.len()).sum()]
}
