//! Every setting of a run, typed. Each section has a file beside this one, which says all there is to say about a key: its
//! documentation (the field's doc comment, which users read, too), its default (`Default`, the paper's value), its range (an
//! attribute of the field; in `check` where it depends on other keys), and whether it may change between calls on one run
//! (`may_change`). What several sections must agree on is in [`super::validate`].

use super::adapt::AdaptConfig;
use super::baseline::BaselineConfig;
use super::compare::CompareConfig;
use super::cost::CostConfig;
use super::data::DataConfig;
use super::model::ModelConfig;
use super::rank::RankConfig;
use super::report::ReportConfig;
use super::search::SearchConfig;
use super::train::TrainConfig;
use super::train_overrides::TrainOverrides;
use super::translate::TranslateConfig;
use crate::error::{Error, Result};
use crate::space::{Space, SpaceConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// All settings of a run: one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The one seed that everything random flows from.
    #[schemars(range(max = i64::MAX))]
    pub seed: u64,
    /// The run directory; default `runs/<config name>`.
    pub run_dir: PathBuf,
    /// Where the text is and how it becomes ids.
    pub data: DataConfig,
    /// The choices of every gene.
    pub space: SpaceConfig,
    /// What every architecture shares: attention features, embeddings, dropout.
    pub model: ModelConfig,
    /// Training of the SuperNet.
    pub train: TrainConfig,
    /// Adapting of the trained SuperNet.
    pub adapt: AdaptConfig,
    /// Training of one architecture (the winner, the dense baseline): `[train]` with the keys that are given here replaced.
    pub train_architecture: TrainOverrides,
    /// Training of one architecture that begins with the SuperNet's weights: `[train_architecture]` with the keys that are given
    /// here replaced.
    pub finetune: TrainOverrides,
    /// The evolutionary search.
    pub search: SearchConfig,
    /// How well a SuperNet orders architectures that are trained alone.
    pub rank: RankConfig,
    /// Beam search.
    pub translate: TranslateConfig,
    /// How FLOPs and latency are counted.
    pub cost: CostConfig,
    /// The hand-made dense Transformer that `automoe run` trains beside the winner.
    pub baseline: BaselineConfig,
    /// What else it trains beside the winner.
    pub compare: Vec<CompareConfig>,
    /// What is written for people and other programs beside a run's own files.
    pub report: ReportConfig,
}

impl Default for Config {
    /// The paper's WMT'14 En-De; `run_dir` is empty, which stands for `runs/<config name>` until the config is loaded.
    fn default() -> Self {
        Self {
            seed: 1,
            run_dir: PathBuf::new(),
            data: DataConfig::default(),
            space: SpaceConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            adapt: AdaptConfig::default(),
            train_architecture: TrainOverrides::default(),
            finetune: TrainOverrides::default(),
            search: SearchConfig::default(),
            rank: RankConfig::default(),
            translate: TranslateConfig::default(),
            cost: CostConfig::default(),
            baseline: BaselineConfig::default(),
            compare: Vec::new(),
            report: ReportConfig::default(),
        }
    }
}

impl Config {
    /// The search space of `[space]`, with the attentions of `[model]`.
    ///
    /// # Errors
    /// As [`Space::new`].
    pub fn space(&self) -> Result<Space> {
        Space::new(&self.space, self.model.qkv_dim)
    }

    /// The settings as TOML, complete; loading it gives an equal value.
    ///
    /// # Errors
    /// A value that TOML cannot hold: a seed of more than 63 bits.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::input(format!("the config as TOML: {error}")))
    }

    /// The inverse of [`Self::to_toml`].
    ///
    /// # Errors
    /// Not what it has written.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::input(error).at("the config as TOML"))
    }
}

/// Whether a run may go on with another value of the dotted `key`: it changes nothing that the run computes, or, like the
/// device, its numbers' last digits, or it [is adjustable](is_adjustable).
pub fn may_change(key: &str) -> bool {
    match key.split_once('.') {
        // What is compared is trained anew.
        None => ["run_dir", "compare"].contains(&key),
        Some(("data", key)) => DataConfig::may_change(key),
        Some(("train" | "train_architecture", key)) => TrainConfig::may_change(key),
        // All may: each model that inherits begins anew.
        Some(("finetune", _)) => true,
        Some(("adapt", key)) => AdaptConfig::may_change(key),
        Some(("search", key)) => SearchConfig::may_change(key),
        Some(("rank", key)) => RankConfig::may_change(key),
        Some(("translate", key)) => TranslateConfig::may_change(key),
        Some(("baseline", key)) => BaselineConfig::may_change(key),
        Some(("report", key)) => ReportConfig::may_change(key),
        // All that `[space]`, `[model]` and `[cost]` say is in what a run makes.
        Some(_) => false,
    }
}

/// Whether the dotted `key` is one that trainings go on with other values of, from where they stand.
pub fn is_adjustable(key: &str) -> bool {
    matches!(key.split_once('.'), Some(("train" | "train_architecture", key)) if TrainConfig::is_adjustable(key))
}
