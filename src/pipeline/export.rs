//! `automoe export`: a checkpoint's weights as a safetensors file that others read.

use crate::error::{Error, Result};
use crate::interop::foreign::{self, ForeignModel, ModelShape, Names};
use crate::run::NamedTensor;
use crate::run::checkpoints::resolve;
use crate::train::{StoredWeights, read_weights};
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
/// architecture as an annotation.
///
/// # Errors
/// No such checkpoint; a file that is no `.safetensors`, is the checkpoint itself, or cannot be written.
pub fn export(checkpoint: &Path, file: &Path, names: Names) -> Result<Exported> {
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
    let StoredWeights { tensors, config, .. } = read_weights(checkpoint)?;
    let shape = ModelShape {
        supernet_dims: Some([config.encoder_supernet_dim, config.decoder_supernet_dim]),
        architecture: Some(config.architecture),
    };
    let [parameters, embedding_parameters] = count(&tensors);
    foreign::save(file, ForeignModel { tensors, shape }, names)?;
    Ok(Exported { file: file.to_path_buf(), parameters, embedding_parameters })
}

/// The elements of `tensors`, which have our names: all, and those of the embedding tables.
pub(super) fn count(tensors: &[NamedTensor]) -> [usize; 2] {
    let embeddings = tensors.iter().filter(|tensor| tensor.name.contains("embed_"));
    [tensors.iter().map(|tensor| tensor.data.len()).sum(), embeddings.map(|tensor| tensor.data.len()).sum()]
}
