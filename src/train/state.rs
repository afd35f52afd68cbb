//! What a checkpoint says of the training that it is from, beside its tensors.

use super::loss_scale::LossScale;
use super::slots::SlotUse;
use crate::bounded::read_text;
use crate::config::Tables;
use crate::error::{Error, Result, refuse};
use crate::kernels::LossSums;
use crate::model::TransformerConfig;
use crate::model::weights::Rule;
use crate::run::checkpoints::LAST;
use crate::run::{Checkpoint, Checkpoints};
use crate::space::{Architecture, MAX_WIDTH};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The most that is read of a copy for people, in bytes.
const MAX_COPY: u64 = 16 << 20;
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
    /// Pairs that it was found on; not known of a training that version 0.1.0 began.
    #[serde(default)]
    pub validation_pairs: Option<usize>,
    /// Losses since the last line of metrics.
    #[serde(default)]
    pub recent: LossSums,
    /// FLOPs of all updates; a training that version 0.1.0 began has not counted them.
    #[serde(default)]
    pub trained_flops: Option<f64>,
    /// What each expert slot has had, in the updates since it is counted.
    #[serde(default)]
    pub slots: SlotUse,
}

impl Position {
    /// Before the first update.
    pub fn start() -> Self {
        Self {
            update: 0,
            epoch: 0,
            batch: 0,
            best: None,
            validation_pairs: None,
            recent: LossSums::default(),
            trained_flops: Some(0.0),
            slots: SlotUse::default(),
        }
    }
}

/// The JSON part of a checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(flatten)]
    pub position: Position,
    /// The shape of the weights.
    pub architecture: Architecture,
    pub model: ModelState,
    /// How subnets' weights come out of these.
    #[serde(flatten)]
    pub rule: Rule,
    /// The prepared data's fingerprint.
    pub data: String,
    /// Whether this architecture alone was trained, so that no subnet of it means anything.
    #[serde(default)]
    pub alone: bool,
    /// Adam's step counts; empty where the checkpoint has no moments.
    pub steps: BTreeMap<String, u64>,
    /// Of training in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// The settings of the training, see [`crate::config::TrainConfig::settings`]; empty where the checkpoint has no moments,
    /// and without some where it is older.
    #[serde(default, alias = "adjustable", skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
}

impl State {
    /// That of `checkpoint`.
    ///
    /// # Errors
    /// Not a checkpoint of a model; sizes that no model has.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let state: Self = serde_json::from_value(checkpoint.state.clone())
            .map_err(|error| Error::input(format!("not a checkpoint of this program's models: {error}")))?;
        state.model.check(&state.architecture)?;
        Ok(state)
    }
}

/// What a model is beside its architecture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ModelState {
    qkv_dim: usize,
    source_vocab: usize,
    target_vocab: usize,
    tables: Tables,
    encoder_supernet_dim: usize,
    decoder_supernet_dim: usize,
    capacity_factor: f64,
}

impl ModelState {
    pub fn of(config: &TransformerConfig) -> Self {
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
    pub fn config(&self, architecture: &Architecture) -> TransformerConfig {
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

/// Whether the model in `folder`, if there is one, has the architecture and the attentions of `shape`.
pub fn is_trained_as(folder: &Path, shape: &TransformerConfig) -> Option<bool> {
    let last = copy_of_last(folder)?;
    Some(last.architecture == shape.architecture && last.model.qkv_dim == shape.qkv_dim)
}

/// The updates that the training in `folder` goes on after; none where there is no `last` to go on from.
pub fn trained_updates(folder: &Path) -> Option<usize> {
    // The copy alone is left where somebody removed it.
    let is_there = Checkpoints::new(folder).path(LAST).is_file();
    is_there.then(|| Some(copy_of_last(folder)?.position.update))?
}

/// What `last` in `folder` says, by its copy for people to read.
pub(super) fn copy_of_last(folder: &Path) -> Option<State> {
    let text = read_text(&folder.join("last.json"), MAX_COPY).ok()?;
    serde_json::from_str(&text).ok()
}
