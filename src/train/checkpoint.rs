//! A training run in a checkpoint: weights, moments, and where it stands.

use super::job::{Job, Outcome};
use super::loss_scale::LossScale;
use super::optimizer::{Adam, Moments};
use super::state::{ModelState, Position, State, copy_of_last, trained_updates};
use super::update::Trainer;
use crate::error::{Error, Result};
use crate::model::weights::rules::made;
use crate::model::weights::{Rule, WeightSharing, laid_out, lookup};
use crate::model::{Supernet, TransformerConfig, Value, Values};
use crate::run::checkpoints::{BEST, LAST};
use crate::run::{Checkpoint, Checkpoints, NamedTensor};
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const FIRST: &str = "adam.first.";
const SECOND: &str = "adam.second.";

/// Which parts of a run's state are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// All that resuming needs.
    Everything,
    /// The weights alone.
    Weights,
}

/// What weights were trained for.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The prepared data's fingerprint; its subwords' for weights that are imported.
    pub data: &'a str,
    /// Whether they are of one architecture alone, and no SuperNet.
    pub alone: bool,
}

/// Saves `trainer` at `position` as `name`. Where one of its values is not finite nothing is saved: the name of that tensor is
/// returned instead.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn save(
    checkpoints: &Checkpoints,
    name: Name,
    trainer: &Trainer,
    position: &Position,
    origin: Origin<'_>,
    content: Content,
) -> Result<Option<String>> {
    let Checkpoint { tensors, state } = checkpoint_of(trainer, position, origin, content)?;
    if let Some(name) = not_finite(&tensors) {
        return Ok(Some(name.to_owned()));
    }
    let views = tensors.iter().map(NamedTensor::view);
    match name {
        Name::Fixed(name) => drop(checkpoints.save(name, views, &state)?),
        Name::Step(keep) => checkpoints.save_step(position.update as u64, keep, views, &state)?,
    }
    Ok(None)
}

/// `trainer` at `position` as a checkpoint.
///
/// # Errors
/// None: all of it has a form in JSON.
pub(super) fn checkpoint_of(
    trainer: &Trainer,
    position: &Position,
    origin: Origin<'_>,
    content: Content,
) -> Result<Checkpoint> {
    let config = &trainer.supernet.config;
    let weights = trainer.supernet.named();
    let mut tensors: Vec<NamedTensor> = weights.iter().map(|(name, value)| tensor(name.clone(), value)).collect();
    let (mut steps, mut settings) = (BTreeMap::new(), BTreeMap::new());
    if content == Content::Everything {
        settings = trainer.config.settings()?;
        for (name, moments) in trainer.adam.named(&trainer.supernet.parameters()) {
            tensors.push(tensor(format!("{FIRST}{name}"), &moments.first));
            tensors.push(tensor(format!("{SECOND}{name}"), &moments.second));
            steps.insert(name, moments.steps[0]);
        }
    }
    let state = State {
        position: position.clone(),
        architecture: config.architecture.clone(),
        model: ModelState::of(config),
        rule: trainer.supernet.sharing.rule(),
        data: origin.data.to_owned(),
        alone: origin.alone,
        steps,
        loss_scale: trainer.loss_scale,
        settings,
    };
    Ok(Checkpoint { tensors, state: serde_json::to_value(&state).map_err(Error::failure)? })
}

/// The name of the first of `tensors` that has a value which is not finite.
pub(super) fn not_finite(tensors: &[NamedTensor]) -> Option<&str> {
    let broken = |tensor: &&NamedTensor| tensor.data.iter().any(|value| !value.is_finite());
    tensors.iter().find(broken).map(|tensor| tensor.name.as_str())
}

/// What a checkpoint is called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    /// `last` or `best`.
    Fixed(&'static str),
    /// `step-N`, of which this many are kept.
    Step(usize),
}

/// The checkpoint that the training in `folder` goes on from, if there is one.
///
/// # Errors
/// Damaged, or of a training that had diverged.
pub(super) fn load_last(folder: &Path) -> Result<Option<Checkpoint>> {
    let path = Checkpoints::new(folder).path(LAST);
    if !path.exists() {
        return Ok(None);
    }
    let loaded = Checkpoint::load(&path)?;
    match not_finite(&loaded.tensors) {
        None => Ok(Some(loaded)),
        Some(name) => Err(Error::input(format!("{name} is not finite: its training diverged")).at(path.display())),
    }
}

/// `fault` of the `last` in `folder`, and what to do where the training has to go on from it.
pub(super) fn cannot_go_on(fault: Error, folder: &Path) -> Error {
    let Error::Input(fault) = fault else { return fault };
    let updates = trained_updates(folder).map_or_else(String::new, |updates| format!("{updates} "));
    Error::Input(format!(
        "{fault}; a training does not go on without it: put back a copy, or remove it to train anew (the {updates}updates so far \
         are lost then, with best.safetensors and step-N)"
    ))
}

/// Forgets what was saved after `position`, from which a training goes on: it is made again, and with other settings otherwise.
///
/// # Errors
/// A checkpoint that cannot be removed.
pub(super) fn forget_later(checkpoints: &Checkpoints, position: &mut Position) -> Result<()> {
    let update = position.update as u64;
    checkpoints.remove_steps_after(update)?;
    if update_of(&checkpoints.path(BEST)).is_ok_and(|best| best > update) {
        // It has replaced the one with this loss. It stays until there is another.
        position.best = None;
    }
    Ok(())
}

/// How `job`, of a model of `config`, ended where `last` alone is broken: all updates were made, as the copy for people says,
/// and the best weights are sound.
pub(super) fn finished(job: &Job, config: &TransformerConfig) -> Option<Outcome> {
    let state = copy_of_last(job.folder)?;
    let is_this = state.architecture == config.architecture
        && state.model == ModelState::of(config)
        && state.rule == job.sharing.rule()
        && state.data == job.data;
    if !is_this || state.position.update < job.config.max_updates {
        return None;
    }
    let best = read_weights(&Checkpoints::new(job.folder).path(BEST)).ok()?;
    let Position { update, best: loss, .. } = state.position;
    not_finite(&best.tensors).is_none().then_some(Outcome { updates: update, best: loss })
}

/// Restores a trainer from `checkpoint`, which was loaded from `path`.
///
/// # Errors
/// The checkpoint is of another architecture, vocabulary or data.
pub(super) fn restore(
    checkpoint: Checkpoint,
    path: &Path,
    config: &TransformerConfig,
    sharing: &Arc<dyn WeightSharing>,
    device: &Device,
    data: &str,
) -> Result<Restored> {
    let state = State::of(&checkpoint).map_err(|error| error.at(path.display()))?;
    if state.architecture != config.architecture && state.data == data {
        let folder = path.parent().unwrap_or(path).display();
        let message = format!("holds another architecture; give another --name, or remove {folder}");
        return Err(Error::input(message).at(path.display()));
    }
    if state.model != ModelState::of(config) || state.data != data {
        return Err(Error::input("made with other data or another model; use another run_dir").at(path.display()));
    }
    if state.rule != sharing.rule() {
        let (found, wanted, folder) = (state.rule, sharing.rule(), path.parent().unwrap_or(path).display());
        let message =
            format!("its weights are shared as {found}, not as {wanted}; use another run_dir, or remove {folder}");
        return Err(Error::input(message).at(path.display()));
    }
    state.loss_scale.map_or(Ok(()), LossScale::check).map_err(|error| error.at(path.display()))?;
    let mut values = values(checkpoint.tensors, device);
    let shapes = sharing.parameters(config);
    let mut moments = BTreeMap::new();
    for (name, &steps) in &state.steps {
        let mut take = |prefix: &str| {
            let moment = values.remove(&format!("{prefix}{name}"));
            moment.filter(|moment| shapes.get(name) == Some(&moment.shape())).ok_or_else(|| {
                Error::input(format!("{prefix}{name} is missing, or not of its weight's shape")).at(path.display())
            })
        };
        let (first, second) = (take(FIRST)?, take(SECOND)?);
        moments.insert(name.clone(), Moments { first, second, steps: vec![steps] });
    }
    let adam = Adam::from_named(moments, |named| laid_out(named, &**sharing, config, device));
    let supernet = supernet(config.clone(), sharing, &values, device).map_err(|error| error.at(path.display()))?;
    let State { position, loss_scale, settings, .. } = state;
    Ok(Restored { supernet, adam, loss_scale, position, settings })
}

/// A training run's state, read back.
pub(super) struct Restored {
    pub supernet: Supernet,
    pub adam: Adam,
    pub loss_scale: Option<LossScale>,
    pub position: Position,
    /// See [`State::settings`].
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// Weights as a checkpoint holds them.
pub struct StoredWeights {
    /// The weights, in order of name.
    pub tensors: Vec<NamedTensor>,
    /// Their model, without dropout.
    pub config: TransformerConfig,
    /// The rule by which subnets' weights come out of them.
    pub(super) sharing: Arc<dyn WeightSharing>,
    pub(super) data: String,
    pub(super) update: usize,
    pub(super) alone: bool,
}

impl StoredWeights {
    /// The rule by which subnets' weights come out of them.
    pub fn rule(&self) -> Rule {
        self.sharing.rule()
    }
}

/// Reads the weights at `path`, a checkpoint or a folder with one, bit for bit.
///
/// # Errors
/// Nothing there, damaged, or not a model's checkpoint.
pub fn read_weights(path: &Path) -> Result<StoredWeights> {
    let path = crate::run::checkpoints::resolve(path)?;
    let checkpoint =
        Checkpoint::load_some(&path, |name| !name.starts_with("adam.")).map_err(|error| advised(error, &path))?;
    let state = State::of(&checkpoint).map_err(|error| error.at(path.display()))?;
    let config = state.model.config(&state.architecture);
    let sharing = made(&state.rule).map_err(|error| error.at(path.display()))?;
    let (data, update, alone) = (state.data, state.position.update, state.alone);
    Ok(StoredWeights { tensors: checkpoint.tensors, config, sharing, data, update, alone })
}

/// The updates that the checkpoint at `path` was made after.
///
/// # Errors
/// Damaged, or not a model's checkpoint.
pub(super) fn update_of(path: &Path) -> Result<u64> {
    let checkpoint = Checkpoint::load_some(path, |_| false).map_err(|error| advised(error, path))?;
    let state = State::of(&checkpoint).map_err(|error| error.at(path.display()))?;
    Ok(state.position.update as u64)
}

/// `error`, and what to do where it says that the weights at `path` are damaged.
fn advised(error: Error, path: &Path) -> Error {
    let Error::Input(fault) = error else { return error };
    let has_last = || path.with_file_name(format!("{LAST}.safetensors")).is_file();
    let advice = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some(BEST) if has_last() => "or remove it: last.safetensors is taken then",
        Some(LAST) => "or take best.safetensors (translate.average_checkpoints = 0)",
        Some(step) if step.starts_with("step-") => "or remove it: an average is without it then",
        _ => "or give another checkpoint",
    };
    Error::Input(format!("{fault}; put back a copy, {advice}"))
}

/// Saves `tensors`, weights of a model of `config` that were not trained here, as the best checkpoint in `folder`. `origin` says
/// what they may be used on, see [`super::Weights::data`].
///
/// # Errors
/// The folder cannot be written.
pub fn save_weights(
    folder: &Path,
    tensors: &[NamedTensor],
    config: &TransformerConfig,
    origin: Origin<'_>,
) -> Result<()> {
    let state = State {
        position: Position::start(),
        architecture: config.architecture.clone(),
        model: ModelState::of(config),
        rule: Rule::default(),
        data: origin.data.to_owned(),
        alone: origin.alone,
        steps: BTreeMap::new(),
        loss_scale: None,
        settings: BTreeMap::new(),
    };
    let state = serde_json::to_value(&state).map_err(Error::failure)?;
    Checkpoints::new(folder).save(BEST, tensors.iter().map(NamedTensor::view), &state).map(|_| ())
}

pub(super) fn supernet(
    config: TransformerConfig,
    sharing: &Arc<dyn WeightSharing>,
    values: &Values,
    device: &Device,
) -> Result<Supernet> {
    Supernet::from_source(config, sharing.clone(), device, |name, shape| lookup(values, name, shape))
}

pub(super) fn tensor(name: String, value: &Value) -> NamedTensor {
    NamedTensor { name, shape: value.shape(), data: value.to_vec() }
}

pub(super) fn values(tensors: Vec<NamedTensor>, device: &Device) -> Values {
    tensors
        .into_iter()
        .filter(|tensor| matches!(tensor.shape.len(), 1 | 2))
        .map(|tensor| (tensor.name, Value::from_vec(tensor.data, &tensor.shape, device)))
        .collect()
}

#[cfg(test)]
mod tests;
