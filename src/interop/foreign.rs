//! A model from elsewhere, whatever file it is in: its weights under our names, and what the file says about its shape.

use super::NamedTensor;
use super::fairseq::FairseqCheckpoint;
use super::fairseq_args;
use super::fairseq_settings::Settings;
use super::names::{to_native, to_reference};
use super::safetensors::{read_annotated, write_safetensors};
use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The annotation of a safetensors file that holds its [`ModelShape`] as JSON.
const ANNOTATION: &str = "automoe";

/// A model from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignModel {
    /// The weights under our names, in order of name.
    pub tensors: Vec<NamedTensor>,
    /// What the file says about the model.
    pub shape: ModelShape,
}

/// What weights do not tell about their model, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    /// The architecture.
    pub architecture: Option<Architecture>,
    /// The widths of encoder and decoder that positions are made for: the SuperNet's, where the model was cut from one.
    pub supernet_dims: Option<[usize; 2]>,
}

/// Under which names a model is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Names {
    /// This program's.
    Ours,
    /// Those of the reference's state dict; a table that is shared is there once, as the encoder's.
    Reference,
}

/// Reads a checkpoint of fairseq (`.pt`, or any other ending), or a safetensors file of either naming.
///
/// # Errors
/// A file that cannot be read or is of neither kind, has tensors that are no Transformer's, or is of a model of another
/// kind.
pub fn load(path: &Path) -> Result<ForeignModel> {
    let model = match path.extension().is_some_and(|extension| extension == "safetensors") {
        true => load_safetensors(path)?,
        false => {
            let FairseqCheckpoint { tensors, args, cfg } = FairseqCheckpoint::load(path)?;
            let read = || {
                let settings = Settings::of_checkpoint(&args, &cfg);
                settings.check()?;
                let args = settings.by_name();
                let architecture = fairseq_args::architecture(&args)?;
                let shape = ModelShape { architecture, supernet_dims: fairseq_args::supernet_dims(&args) };
                Ok(ForeignModel { tensors: to_native(tensors)?, shape })
            };
            read().map_err(|error: Error| error.at(path.display()))?
        }
    };
    let infinite = model.tensors.iter().find(|tensor| tensor.data.iter().any(|value| !value.is_finite()));
    match infinite {
        Some(tensor) => {
            let message = format!("`{}` has values that are not finite", tensor.name.escape_debug());
            Err(Error::input(message).at(path.display()))
        }
        None => Ok(model),
    }
}

/// Writes `model` to `path` as safetensors, bit for bit.
///
/// # Errors
/// Tensors that are no Transformer's, or a file that cannot be written.
pub fn save(path: &Path, model: ForeignModel, names: Names) -> Result<()> {
    let tensors = match names {
        Names::Ours => model.tensors,
        Names::Reference => to_reference(model.tensors, false)?,
    };
    let shape = serde_json::to_string(&model.shape).map_err(Error::failure)?;
    write_safetensors(path, &tensors, Some((ANNOTATION, &shape)))
}

fn load_safetensors(path: &Path) -> Result<ForeignModel> {
    let place = |error: Error| error.at(path.display());
    let (tensors, annotations) = read_annotated(path)?;
    if tensors.iter().any(|tensor| tensor.name.starts_with("adam.")) {
        let message =
            "a checkpoint of this program with its optimizer's state: automoe export writes its weights alone";
        return Err(place(Error::input(message)));
    }
    // Only ours call the source table so; the reference's ends in `.weight`.
    let is_ours = tensors.iter().any(|tensor| tensor.name == "encoder.embed_tokens");
    let tensors = if is_ours { tensors } else { to_native(tensors).map_err(place)? };
    let shape = annotations.get(ANNOTATION).map(|text| serde_json::from_str(text)).transpose();
    let shape = shape.map_err(|error| place(Error::input(format!("its annotation `{ANNOTATION}`: {error}"))))?;
    Ok(ForeignModel { tensors, shape: shape.unwrap_or_default() })
}
