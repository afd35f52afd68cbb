//! Training phases: the supernet, and single architectures.

use super::workspace::Workspace;
use crate::config::TrainConfig;
use crate::error::Result;
use crate::model::Supernet;
use crate::seed;
use crate::space::Architecture;
use crate::train::{Job, Outcome, Sampler, load_weights, train};
use std::path::Path;

/// Trains the supernet, one uniformly drawn architecture an update.
///
/// # Errors
/// See [`train`].
pub fn train_supernet(workspace: &Workspace) -> Result<Outcome> {
    let config = &workspace.config.train;
    let folder = workspace.run.supernet();
    let job = Job {
        name: "supernet",
        folder: &folder,
        config,
        seed: workspace.config.seed,
        sampler: Sampler::Uniform(&workspace.space),
        validated: validated(workspace, config),
        train: &workspace.prepared.train,
        valid: &workspace.prepared.valid,
        data: &workspace.prepared.fingerprint,
    };
    let supernet = Supernet::init(workspace.supernet_config(), workspace.config.seed, &workspace.device);
    train(&job, supernet)
}

/// The architectures that a supernet is validated with: the extremes, and some random ones, always the same.
fn validated(workspace: &Workspace, config: &TrainConfig) -> Vec<(String, Architecture)> {
    let space = &workspace.space;
    let mut architectures = vec![("largest".to_owned(), space.largest()), ("smallest".to_owned(), space.smallest())];
    for index in 0..config.validate_random {
        let mut rng = seed::stream(workspace.config.seed, "validate", index as u64);
        architectures.push((format!("random-{}", index + 1), space.sample(&mut rng)));
    }
    architectures
}

/// Trains `architecture` as the model `name`, from scratch, or from the weights of the supernet at `inherit`.
/// `supernet` gives the widths that positions and dropout are made for.
///
/// # Errors
/// See [`train`]; the architecture does not fit into the supernet.
pub fn train_architecture(
    workspace: &Workspace,
    name: &str,
    architecture: &Architecture,
    supernet: &Architecture,
    inherit: Option<&Path>,
) -> Result<Outcome> {
    let config = workspace.config.train.with(&workspace.config.train_architecture);
    let folder = workspace.run.model(name)?;
    std::fs::create_dir_all(&folder).map_err(|error| crate::error::Error::failure(error).at(folder.display()))?;
    let job = Job {
        name,
        folder: &folder,
        config: &config,
        seed: workspace.config.seed,
        sampler: Sampler::Fixed(architecture.clone()),
        validated: vec![(name.to_owned(), architecture.clone())],
        train: &workspace.prepared.train,
        valid: &workspace.prepared.valid,
        data: &workspace.prepared.fingerprint,
    };
    let shape = workspace.transformer_config(architecture.clone(), supernet);
    let initial = match inherit {
        None => Supernet::init(shape, workspace.config.seed, &workspace.device),
        Some(path) => {
            let weights = load_weights(path, &workspace.device)?;
            let cut = weights.supernet.cut(architecture, false)?;
            Supernet { config: shape, values: cut.values(), device: workspace.device.clone() }
        }
    };
    train(&job, initial)
}
