//! Weights from checkpoints, and what may be cut out of them.

use super::checkpoint::{StoredWeights, read_weights, supernet, values};
use crate::error::{Error, Result};
use crate::model::{Supernet, Transformer};
use crate::run::{Checkpoints, NamedTensor};
use crate::space::Architecture;
use burn::tensor::Device;
use std::path::Path;

/// Weights from a checkpoint, and what they belong to.
pub struct Weights {
    /// The model; without dropout.
    pub supernet: Supernet,
    /// The prepared data's fingerprint; its subwords' for weights that were imported.
    pub data: String,
    /// Updates made.
    pub update: usize,
    /// Whether its architecture alone was trained; imported weights, of which that is not known, pass for shared ones.
    pub alone: bool,
}

impl Weights {
    /// The model of `architecture` with these weights.
    ///
    /// # Errors
    /// It is no subnet of theirs, or they were trained as another architecture alone.
    pub fn subnet(&self, architecture: &Architecture) -> Result<Transformer> {
        self.check_subnet(architecture)?;
        self.supernet.cut(architecture, false)
    }

    /// Refuses to cut `architecture` out of weights that were trained as another one alone.
    ///
    /// # Errors
    /// They were.
    pub fn check_subnet(&self, architecture: &Architecture) -> Result<()> {
        match *architecture == self.supernet.config.architecture {
            true => Ok(()),
            false => self.check_shared(),
        }
    }

    /// Refuses the weights of a SuperNet that subnets share by another rule than `wanted`, as in the catalog.
    ///
    /// # Errors
    /// They do.
    pub fn check_rule(&self, wanted: &str) -> Result<()> {
        let rule = self.supernet.sharing.name();
        match self.alone || rule == wanted {
            true => Ok(()),
            false => Err(Error::input(format!(
                "a SuperNet trained with train.weights = {rule:?}, and this config's is {wanted:?}; give the config it was \
                 trained with"
            ))),
        }
    }

    /// Refuses weights that were trained as one architecture, whose subnets mean nothing.
    ///
    /// # Errors
    /// They were.
    pub fn check_shared(&self) -> Result<()> {
        match self.alone {
            false => Ok(()),
            true => Err(Error::input(
                "no SuperNet: these weights were trained for one architecture alone, and no other can be cut out of them",
            )),
        }
    }
}

/// Loads the weights at `path`, a checkpoint or a folder with one.
///
/// # Errors
/// See [`read_weights`]; weights that are not finite, or not of their model's shape.
pub fn load_weights(path: &Path, device: &Device) -> Result<Weights> {
    let path = crate::run::checkpoints::resolve(path)?;
    let StoredWeights { tensors, config, sharing, data, update, alone } = read_weights(&path)?;
    let load = || {
        check_finite(&tensors)?;
        supernet(config, &sharing, &values(tensors, device), device)
    };
    let supernet = load().map_err(|error| error.at(path.display()))?;
    Ok(Weights { supernet, data, update, alone })
}

/// The mean of the newest `count` checkpoints `step-N` in `folder`; `best` (or `last`) where there are none.
///
/// # Errors
/// See [`load_weights`].
pub fn average_weights(folder: &Path, count: usize, device: &Device) -> Result<Weights> {
    let mut steps = Checkpoints::new(folder).steps()?;
    steps.truncate(count);
    let Some(((_, newest), older)) = steps.split_first() else {
        return load_weights(folder, device);
    };
    let mut weights = load_weights(newest, device)?;
    for (_, path) in older {
        let mut other = load_weights(path, device)?.supernet.values;
        for (name, value) in &mut weights.supernet.values {
            let added = other.remove(name).filter(|added| added.shape() == value.shape());
            let added = added.ok_or_else(|| {
                Error::input(format!("{name} differs from the newest checkpoint's")).at(path.display())
            })?;
            *value = value.kind().of(value.tensor.clone() + added.tensor);
        }
    }
    for value in weights.supernet.values.values_mut() {
        *value = value.kind().of(value.tensor.clone() / steps.len() as f64);
    }
    Ok(weights)
}

/// # Errors
/// A value that is not finite: the training had diverged.
fn check_finite(tensors: &[NamedTensor]) -> Result<()> {
    match tensors.iter().find(|tensor| tensor.data.iter().any(|value| !value.is_finite())) {
        Some(tensor) => Err(Error::input(format!("parameter {} is not finite: its training diverged", tensor.name))),
        None => Ok(()),
    }
}
