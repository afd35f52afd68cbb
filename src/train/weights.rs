//! Weights from checkpoints, and what may be cut out of them.

use super::checkpoint::{StoredWeights, not_finite, read_weights, supernet, update_of, values};
use crate::error::{Error, Result};
use crate::model::{Supernet, Transformer};
use crate::run::checkpoints::LAST;
use crate::run::{Checkpoints, NamedTensor};
use crate::space::Architecture;
use burn::tensor::Device;
use std::path::{Path, PathBuf};

/// Weights from a checkpoint, and what they belong to.
pub struct Weights {
    /// The model; without dropout.
    pub supernet: Supernet,
    /// The prepared data's fingerprint; its subwords' for weights that were imported.
    pub data: String,
    /// Updates made.
    pub update: usize,
    /// Whether its architecture alone was trained, or imported as a model that is no SuperNet.
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
        let rule = self.supernet.sharing.rule().name;
        match self.alone || rule == wanted {
            true => Ok(()),
            false => Err(Error::input(format!(
                "a SuperNet trained with train.weights = {rule:?}, and this config's is {wanted:?}; give the config it was \
                 trained with"
            ))),
        }
    }

    /// Whether they were trained here; imported ones were not.
    pub fn is_trained(&self) -> bool {
        self.update > 0
    }

    /// Refuses weights that were trained as one architecture, whose subnets mean nothing.
    ///
    /// # Errors
    /// They were.
    pub fn check_shared(&self) -> Result<()> {
        match (self.alone, self.is_trained()) {
            (false, _) => Ok(()),
            (true, true) => Err(Error::input(
                "no SuperNet: these weights were trained for one architecture alone, and no other can be cut out of them",
            )),
            (true, false) => Err(Error::input(
                "no SuperNet: these weights were imported as one architecture's, and no other can be cut out of them; import a \
                 SuperNet with a config of whose space it is the largest",
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

/// The mean of the newest `count` checkpoints in `folder`, see [`averaged_checkpoints`]; `best` (or `last`) alone where there
/// are none of them.
///
/// # Errors
/// See [`load_weights`].
pub fn average_weights(folder: &Path, count: usize, device: &Device) -> Result<Weights> {
    let averaged = averaged_checkpoints(folder, count)?;
    let Some((newest, older)) = averaged.split_first() else {
        let weights = load_weights(folder, device)?;
        if weights.is_trained() {
            tracing::warn!(
                "{}: no step-N checkpoints to average (train.checkpoint_every); its best is taken",
                folder.display()
            );
        }
        return Ok(weights);
    };
    let mut weights = load_weights(newest, device)?;
    for path in older {
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
        *value = value.kind().of(value.tensor.clone() / averaged.len() as f64);
    }
    tell_averaged(folder, &averaged, count);
    Ok(weights)
}

/// What an average of the newest `count` checkpoints in `folder` is of, newest first: the `step-N`, and the final weights,
/// `last`, where the training ended between two of them. None where no `step-N` was kept.
///
/// # Errors
/// A folder that cannot be listed; a `last` that cannot be read.
pub fn averaged_checkpoints(folder: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let checkpoints = Checkpoints::new(folder);
    let mut steps = checkpoints.steps()?;
    let last = checkpoints.path(LAST);
    if let Some((newest, _)) = steps.first()
        && last.is_file()
    {
        let update = update_of(&last)?;
        if update > *newest {
            steps.insert(0, (update, last));
        }
    }
    Ok(steps.into_iter().map(|(_, path)| path).take(count).collect())
}

/// Says what the weights are the mean of.
fn tell_averaged(folder: &Path, averaged: &[PathBuf], count: usize) {
    let names: Vec<_> = averaged.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
    let (folder, names) = (folder.display(), names.join(", "));
    match averaged.len() {
        found if found < count => tracing::warn!(
            "{folder}: averaged {names}: {found} checkpoints where translate.average_checkpoints asks for {count} \
             (train.checkpoint_every)"
        ),
        _ => tracing::info!("{folder}: averaged {names}"),
    }
}

/// # Errors
/// A value that is not finite: the training had diverged.
fn check_finite(tensors: &[NamedTensor]) -> Result<()> {
    match not_finite(tensors) {
        Some(name) => Err(Error::input(format!("parameter {name} is not finite: its training diverged"))),
        None => Ok(()),
    }
}
