//! Training phases: the supernet, and single architectures.

use super::beforehand::{check_architecture, check_supernet};
use super::device_memory;
use super::orders::{Order, Training, give};
use super::search_record::has_begun;
use super::workspace::Workspace;
use crate::config::{Config, TrainConfig};
use crate::error::{Error, Result};
use crate::model::weights::WeightSharing;
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::weights::rules::{of_adapted, of_config};
use crate::model::{Supernet, TransformerConfig};
use crate::run::Made;
use crate::seed;
use crate::space::Architecture;
use crate::train::{Job, Outcome, Sampler, load_weights, train, trained_updates};
use std::path::Path;
use std::sync::Arc;

/// Trains the supernet, each update the architectures that `train.sampling` says.
///
/// # Errors
/// See [`train`].
pub fn train_supernet(workspace: &Workspace) -> Result<Outcome> {
    check_supernet(workspace)?;
    let config = &workspace.config.train;
    let folder = workspace.run.supernet();
    let sharing = of_config(config)?;
    let job = of_supernet(workspace, ["supernet", "train"], &folder, config, &sharing);
    let shape = workspace.supernet_config();
    warn_about_size(workspace, config);
    warn_about_trials(workspace, config);
    device_memory::check(workspace, &job, &shape)?;
    train(&job, &shape, &workspace.device, || {
        Ok(Supernet::init(shape.clone(), sharing.clone(), workspace.config.seed, &workspace.device))
    })
}

/// Trains corrections of the supernet at `checkpoint`, that of the run where none is given. Its own parameters stay as they are;
/// what comes of it is another supernet.
///
/// # Errors
/// See [`train`]; the checkpoint is not of the config's supernet, or was adapted already.
pub fn adapt_supernet(workspace: &Workspace, checkpoint: Option<&Path>) -> Result<Outcome> {
    check_supernet(workspace)?;
    let config = workspace.config.train.adapting(&workspace.config.adapt);
    let folder = workspace.run.adapted();
    let sharing = of_adapted(&workspace.config.train, &workspace.config.adapt)?;
    let job = of_supernet(workspace, ["adapted", "adapt"], &folder, &config, &sharing);
    let shape = workspace.supernet_config();
    device_memory::check(workspace, &job, &shape)?;
    if checkpoint.is_some() && trained_updates(&folder).is_some() {
        tracing::warn!(
            "what was adapted goes on from its own weights; --adapt's checkpoint counts only where a training begins"
        );
    }
    train(&job, &shape, &workspace.device, || {
        let of_run = workspace.run.supernet();
        let supernet = to_adapt(workspace, &shape, checkpoint.unwrap_or(&of_run))?;
        Ok(supernet.extended(shape.clone(), sharing.clone(), workspace.config.seed))
    })
}

/// The supernet at `path`, which is to be adapted.
fn to_adapt(workspace: &Workspace, shape: &TransformerConfig, path: &Path) -> Result<Supernet> {
    let weights = load_weights(path, &workspace.device)?;
    workspace.check_data_of(&weights, path)?;
    let place = |error: Error| error.at(path.display());
    weights.check_shared().map_err(place)?;
    let (found, wanted) = (weights.supernet.sharing.rule(), of_config(&workspace.config.train)?.rule());
    if found != wanted {
        let message = format!("its weights are shared as {found}; what is adapted has those of the config, {wanted}");
        return Err(place(Error::input(message)));
    }
    if weights.supernet.config != shape.without_dropout() {
        return Err(place(Error::input("not the SuperNet of this config's [space] and [model]")));
    }
    Ok(weights.supernet)
}

/// Tells when the settings of a large corpus were kept for a small one.
fn warn_about_size(workspace: &Workspace, config: &TrainConfig) {
    let an_update = config.max_tokens.saturating_mul(config.update_freq);
    let corpus = workspace.prepared.train.source_tokens().max(workspace.prepared.train.target_tokens());
    if an_update > corpus {
        tracing::warn!(
            "an update takes up to {an_update} tokens, but the training text has {corpus}: set train.max_tokens and \
             train.update_freq, and the sizes in [space], for a corpus of this size (configs/toy.toml, configs/multi30k.toml)"
        );
    }
}

/// Tells before a supernet trains on that trials are of it as it is.
fn warn_about_trials(workspace: &Workspace, config: &TrainConfig) {
    let goes_on = trained_updates(&workspace.run.supernet()).is_some_and(|updates| updates < config.max_updates);
    if goes_on && has_begun(&workspace.run.trials()) {
        tracing::warn!(
            "search/ has trials: those of this SuperNet, and their winner, are stale once its best weights are others; then \
             automoe run puts them aside, and automoe search --fresh removes them"
        );
    }
}

/// The training of a supernet, `name` in messages, in `folder` by `config`, the settings of `section`.
fn of_supernet<'a>(
    workspace: &'a Workspace,
    [name, section]: [&'static str; 2],
    folder: &'a Path,
    config: &'a TrainConfig,
    sharing: &Arc<dyn WeightSharing>,
) -> Job<'a> {
    Job {
        name,
        section,
        folder,
        config,
        seed: workspace.config.seed,
        sampler: Sampler::of(config, &workspace.space),
        sharing: sharing.clone(),
        validated: validated(workspace, config),
        train: &workspace.prepared.train,
        valid: &workspace.prepared.valid,
        data: &workspace.data,
        tensorboard: workspace.config.report.tensorboard,
        begins: Box::new(|job, shape| begin(workspace, job, shape)),
        world: workspace.world,
    }
}

/// What is done before the first update of `job`: its settings are kept, and all processes take part.
fn begin(workspace: &Workspace, job: &Job, shape: &TransformerConfig) -> Result<()> {
    workspace.run.keep_settings(Made::Weights)?;
    give(workspace.world, &Order::Train(Box::new(Training::of(&workspace.config.run_dir, job, shape))))
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

/// Trains a Transformer of `shape` as the model `name`, from scratch, or by the settings of `[finetune]` from the weights of the
/// supernet at `inherit`.
///
/// # Errors
/// See [`train`]; the architecture does not fit into the supernet.
pub fn train_architecture(
    workspace: &Workspace,
    name: &str,
    shape: &TransformerConfig,
    inherit: Option<&Path>,
) -> Result<Outcome> {
    let Config { train: settings, train_architecture, finetune, .. } = &workspace.config;
    let from_scratch = settings.with(train_architecture)?;
    let config = if inherit.is_some() { from_scratch.with(finetune)? } else { from_scratch };
    let folder = workspace.run.model(name)?;
    let alone = Alone { name, folder: &folder, config: &config, seed: workspace.config.seed, shape };
    train_alone(workspace, &alone, inherit)
}

/// A training of one architecture.
pub(super) struct Alone<'a> {
    /// For messages.
    pub name: &'a str,
    /// Where it goes.
    pub folder: &'a Path,
    /// Its settings.
    pub config: &'a TrainConfig,
    /// What its randomness flows from.
    pub seed: u64,
    /// What is trained.
    pub shape: &'a TransformerConfig,
}

/// See [`train_architecture`].
pub(super) fn train_alone(workspace: &Workspace, alone: &Alone, inherit: Option<&Path>) -> Result<Outcome> {
    check_architecture(workspace, inherit.is_some())?;
    let &Alone { name, folder, config, seed, shape } = alone;
    let architecture = &shape.architecture;
    std::fs::create_dir_all(folder).map_err(|error| Error::failure(error).at(folder.display()))?;
    let job = Job {
        name,
        section: if inherit.is_some() { "finetune" } else { "train_architecture" },
        folder,
        config,
        seed,
        sampler: Sampler::Fixed(architecture.clone()),
        // Alone, it has all of its weights to itself.
        sharing: Arc::new(LeadingSlice),
        validated: vec![(name.to_owned(), architecture.clone())],
        train: &workspace.prepared.train,
        valid: &workspace.prepared.valid,
        data: &workspace.data,
        tensorboard: workspace.config.report.tensorboard,
        begins: Box::new(|job, shape| begin(workspace, job, shape)),
        world: workspace.world,
    };
    device_memory::check(workspace, &job, shape)?;
    if inherit.is_some() && trained_updates(folder).is_some() {
        tracing::warn!("{name} goes on from its own weights; --inherit counts only where a training begins");
    }
    train(&job, shape, &workspace.device, || match inherit {
        None => Ok(Supernet::init(shape.clone(), Arc::new(LeadingSlice), seed, &workspace.device)),
        Some(path) => inherited(workspace, shape, path),
    })
}

/// The weights that a model of `shape` takes over from the supernet at `path`.
fn inherited(workspace: &Workspace, shape: &TransformerConfig, path: &Path) -> Result<Supernet> {
    let weights = load_weights(path, &workspace.device)?;
    workspace.check_weights(&weights, path)?;
    weights.check_subnet(&shape.architecture).map_err(|error| error.at(path.display()))?;
    weights.supernet.inherited(shape.clone()).map_err(|error| error.at(path.display()))
}
