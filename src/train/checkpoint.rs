//! A training run's state in a checkpoint: weights, moments, and where it stands.

use super::loss_scale::LossScale;
use super::optimizer::{Adam, Moments};
use super::update::Trainer;
use crate::config::Tables;
use crate::error::{Error, Result, refuse};
use crate::kernels::LossSums;
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::weights::{WeightSharing, laid_out, lookup, rule};
use crate::model::{Supernet, TransformerConfig, Value, Values};
use crate::run::checkpoints::BEST;
use crate::run::{Checkpoint, Checkpoints, NamedTensor};
use crate::space::{Architecture, MAX_WIDTH};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const FIRST: &str = "adam.first.";
const SECOND: &str = "adam.second.";
/// The largest vocabulary of a model that is read: subwords are numbered by `u32`.
const MAX_VOCABULARY: usize = u32::MAX as usize;

/// Where a run stands. Random streams have no state of their own: they follow from the seed and these counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Updates made.
    pub update: usize,
    /// The epoch that the next batch is from.
    pub epoch: u64,
    /// The next batch in it.
    pub batch: usize,
    /// Lowest validation loss so far, in bits.
    pub best: Option<f64>,
    /// Losses since the last line of metrics.
    #[serde(default)]
    pub recent: LossSums,
}

/// The JSON part of a checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    position: Position,
    /// The shape of the weights.
    architecture: Architecture,
    model: ModelState,
    /// The rule by which subnets' weights come out of these, as in the catalog.
    #[serde(default = "reference_rule", skip_serializing_if = "is_reference_rule")]
    weights: String,
    /// The prepared data's fingerprint.
    data: String,
    /// Whether this architecture alone was trained, so that no subnet of it means anything.
    #[serde(default)]
    alone: bool,
    /// Adam's step counts; empty where the checkpoint has no moments.
    steps: BTreeMap<String, u64>,
    /// Of training in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss_scale: Option<LossScale>,
}

/// What a model is beside its architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ModelState {
    qkv_dim: usize,
    source_vocab: usize,
    target_vocab: usize,
    tables: Tables,
    encoder_supernet_dim: usize,
    decoder_supernet_dim: usize,
    capacity_factor: f64,
}

fn reference_rule() -> String {
    LeadingSlice.name().to_owned()
}

fn is_reference_rule(name: &str) -> bool {
    name == LeadingSlice.name()
}

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
pub(super) struct Origin<'a> {
    /// The prepared data's fingerprint.
    pub data: &'a str,
    /// Whether one architecture alone is trained.
    pub alone: bool,
}

/// Saves `trainer` at `position` as `name`.
pub(super) fn save(
    checkpoints: &Checkpoints,
    name: Name,
    trainer: &Trainer,
    position: &Position,
    origin: Origin<'_>,
    content: Content,
) -> Result<()> {
    let config = &trainer.supernet.config;
    let weights = trainer.supernet.named();
    let mut tensors: Vec<NamedTensor> = weights.iter().map(|(name, value)| tensor(name.clone(), value)).collect();
    let mut steps = BTreeMap::new();
    if content == Content::Everything {
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
        weights: trainer.supernet.sharing.name().to_owned(),
        data: origin.data.to_owned(),
        alone: origin.alone,
        steps,
        loss_scale: trainer.loss_scale,
    };
    let state = serde_json::to_value(&state).map_err(Error::failure)?;
    let views = tensors.iter().map(NamedTensor::view);
    match name {
        Name::Fixed(name) => checkpoints.save(name, views, &state).map(|_| ()),
        Name::Step(keep) => checkpoints.save_step(position.update as u64, keep, views, &state),
    }
}

/// What a checkpoint is called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    /// `last` or `best`.
    Fixed(&'static str),
    /// `step-N`, of which this many are kept.
    Step(usize),
}

impl Position {
    /// Before the first update.
    pub(super) fn start() -> Self {
        Self { update: 0, epoch: 0, batch: 0, best: None, recent: LossSums::default() }
    }
}

/// The architecture that the model in `folder` was trained with, if there is one.
pub fn trained_architecture(folder: &Path) -> Option<Architecture> {
    let text = std::fs::read_to_string(folder.join("last.json")).ok()?;
    let state: State = serde_json::from_str(&text).ok()?;
    Some(state.architecture)
}

/// Restores a trainer from the checkpoint at `path`.
///
/// # Errors
/// The checkpoint is of another architecture, vocabulary or data.
pub(super) fn restore(
    path: &Path,
    config: &TransformerConfig,
    sharing: &Arc<dyn WeightSharing>,
    device: &Device,
    data: &str,
) -> Result<Restored> {
    let checkpoint = Checkpoint::load(path)?;
    let state = state_of(&checkpoint).map_err(|error| error.at(path.display()))?;
    if state.architecture != config.architecture && state.data == data {
        let folder = path.parent().unwrap_or(path).display();
        let message = format!("holds another architecture; give another --name, or remove {folder}");
        return Err(Error::input(message).at(path.display()));
    }
    if state.model != ModelState::of(config) || state.data != data {
        return Err(Error::input("made with other data or another model; use another run_dir").at(path.display()));
    }
    if state.weights != sharing.name() {
        let message =
            format!("its weights are shared as {:?}, not as {:?}; use another run_dir", state.weights, sharing.name());
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
    let adam = Adam::from_named(moments, |named| laid_out(named, config, device));
    let supernet = supernet(config.clone(), sharing, &values, device).map_err(|error| error.at(path.display()))?;
    Ok(Restored { supernet, adam, loss_scale: state.loss_scale, position: state.position })
}

/// A training run's state, read back.
pub(super) struct Restored {
    pub supernet: Supernet,
    pub adam: Adam,
    pub loss_scale: Option<LossScale>,
    pub position: Position,
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

/// Reads the weights at `path`, a checkpoint or a folder with one, bit for bit.
///
/// # Errors
/// Nothing there, damaged, or not a model's checkpoint.
pub fn read_weights(path: &Path) -> Result<StoredWeights> {
    let path = crate::run::checkpoints::resolve(path)?;
    let checkpoint = Checkpoint::load_some(&path, |name| !name.starts_with("adam."))?;
    let state = state_of(&checkpoint).map_err(|error| error.at(path.display()))?;
    let config = state.model.config(&state.architecture);
    let sharing = rule(&state.weights).map_err(|error| error.at(path.display()))?;
    let (data, update, alone) = (state.data, state.position.update, state.alone);
    Ok(StoredWeights { tensors: checkpoint.tensors, config, sharing, data, update, alone })
}

/// Saves `tensors`, weights of a model of `config` that were not trained here, as the best checkpoint in `folder`. `data`
/// says what they may be used on, see [`super::Weights::data`].
///
/// # Errors
/// The folder cannot be written.
pub fn save_weights(folder: &Path, tensors: &[NamedTensor], config: &TransformerConfig, data: &str) -> Result<()> {
    let state = State {
        position: Position::start(),
        architecture: config.architecture.clone(),
        model: ModelState::of(config),
        weights: reference_rule(),
        data: data.to_owned(),
        alone: false,
        steps: BTreeMap::new(),
        loss_scale: None,
    };
    let state = serde_json::to_value(&state).map_err(Error::failure)?;
    Checkpoints::new(folder).save(BEST, tensors.iter().map(NamedTensor::view), &state).map(|_| ())
}

fn state_of(checkpoint: &Checkpoint) -> Result<State> {
    let state: State = serde_json::from_value(checkpoint.state.clone())
        .map_err(|error| Error::input(format!("not a checkpoint of this program's models: {error}")))?;
    state.model.check(&state.architecture)?;
    Ok(state)
}

pub(super) fn supernet(
    config: TransformerConfig,
    sharing: &Arc<dyn WeightSharing>,
    values: &Values,
    device: &Device,
) -> Result<Supernet> {
    Supernet::from_source(config, sharing.clone(), device, |name, shape| lookup(values, name, shape))
}

fn tensor(name: String, value: &Value) -> NamedTensor {
    NamedTensor { name, shape: value.shape(), data: value.to_vec() }
}

pub(super) fn values(tensors: Vec<NamedTensor>, device: &Device) -> Values {
    tensors
        .into_iter()
        .filter(|tensor| matches!(tensor.shape.len(), 1 | 2))
        .map(|tensor| (tensor.name, Value::from_vec(tensor.data, &tensor.shape, device)))
        .collect()
}

impl ModelState {
    fn of(config: &TransformerConfig) -> Self {
        Self {
            qkv_dim: config.qkv_dim,
            source_vocab: config.source_vocab,
            target_vocab: config.target_vocab,
            tables: config.tables,
            encoder_supernet_dim: config.encoder_supernet_dim,
            decoder_supernet_dim: config.decoder_supernet_dim,
            capacity_factor: config.capacity_factor,
        }
    }

    /// # Errors
    /// Sizes that no model of `architecture` has.
    fn check(&self, architecture: &Architecture) -> Result<()> {
        let [encoder, decoder] = [architecture.encoder.embed_dim, architecture.decoder.embed_dim];
        for (name, value, least, most) in [
            ("qkv_dim", self.qkv_dim, 1, MAX_WIDTH),
            ("source_vocab", self.source_vocab, 1, MAX_VOCABULARY),
            ("target_vocab", self.target_vocab, 1, MAX_VOCABULARY),
            ("encoder_supernet_dim", self.encoder_supernet_dim, encoder, MAX_WIDTH),
            ("decoder_supernet_dim", self.decoder_supernet_dim, decoder, MAX_WIDTH),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::input(format!("its model's {name} of {value} is not between {least} and {most}")));
            }
        }
        refuse(&architecture.head_faults(self.qkv_dim))
    }

    /// The model without dropout, as translation and evaluation need it.
    fn config(&self, architecture: &Architecture) -> TransformerConfig {
        TransformerConfig {
            architecture: architecture.clone(),
            qkv_dim: self.qkv_dim,
            source_vocab: self.source_vocab,
            target_vocab: self.target_vocab,
            tables: self.tables,
            encoder_supernet_dim: self.encoder_supernet_dim,
            decoder_supernet_dim: self.decoder_supernet_dim,
            dropout: 0.0,
            attention_dropout: 0.0,
            activation_dropout: 0.0,
            expert_dropout_ratio: 1.0,
            capacity_factor: self.capacity_factor,
        }
    }
}

#[cfg(test)]
mod tests;
