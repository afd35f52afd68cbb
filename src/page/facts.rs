//! What a run's files say of it.

use crate::checksum;
use crate::config::Config;
use crate::error::Result;
use crate::rank::Comparison;
use crate::report::{Repeated, Results, TestedModel};
use crate::run::directory::run_name;
use crate::run::memory::noted_peak;
use crate::run::{JsonLines, Manifest, Request, RunDirectory, atomic};
use crate::search::{Finalist, Trial, TrialLog, best};
use crate::space::{Architecture, Space};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// A run, as far as it has come.
pub struct Facts {
    /// The folder, as it was given.
    pub folder: String,
    /// The last part of its path.
    pub name: String,
    /// What it was made with.
    pub manifest: Manifest,
    /// Its settings.
    pub config: Config,
    /// Their space.
    pub space: Space,
    /// What `automoe run` was asked for; none where it was not, or by a version that did not note it down.
    pub request: Option<Request>,
    /// What several seeds have found together.
    pub seeds: Option<Repeated>,
    /// What was tested, once all phases are over.
    pub results: Option<Results>,
    /// The trials of the search; none before it.
    pub trials: Vec<Trial>,
    /// The most memory that the search has taken, in bytes; none where that is not known.
    pub search_memory: Option<u64>,
    /// The best trials as they were measured at length, where the search measures latency.
    pub finalists: Vec<Finalist>,
    /// How well SuperNets order architectures, where that was found out.
    pub ranking: Option<Comparison>,
    /// The SuperNet, then the models.
    pub trainings: Vec<Training>,
    /// The searches that belong to this run; each is called as what it finds.
    pub beside: Vec<Facts>,
}

/// A training's log.
pub struct Training {
    /// `supernet`, or a model's name.
    pub name: String,
    /// The lines of its metrics.
    pub lines: Vec<Line>,
}

/// A line of metrics: of training, or of a validation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Line {
    /// Updates so far.
    pub update: u64,
    /// Bits a token, without what smoothing adds.
    #[serde(default)]
    pub nll: Option<f64>,
    /// Target tokens since the line before.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Wall time since the line before.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// FLOPs of all updates, in units of 10⁹.
    #[serde(default)]
    pub trained_gflops: Option<f64>,
    /// The most memory that the process had.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Validation losses, bits a token.
    #[serde(default)]
    pub valid: BTreeMap<String, Option<f64>>,
    /// How tokens went to experts.
    #[serde(default)]
    pub slots: Option<Slots>,
}

/// How tokens went to experts since the training began.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Slots {
    /// By tokens.
    pub tokens: Shares,
}

/// Each expert's share of its layer's tokens, by layer and expert.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Shares {
    /// Those of the encoder's layers.
    pub encoder: Vec<Vec<f64>>,
    /// Those of the decoder's layers.
    pub decoder: Vec<Vec<f64>>,
}

impl Facts {
    /// Reads the run in `folder`, which may be in use.
    ///
    /// # Errors
    /// No run there, or files of it that are damaged.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::named(folder, run_name(folder)?)
    }

    /// Reads the run in `folder`, which goes by that name.
    fn named(folder: &Path, name: String) -> Result<Self> {
        let run = RunDirectory::read_only(folder)?;
        let config = Config::load(&run.config().to_string_lossy())?;
        let trainings = run
            .trainings()?
            .into_iter()
            .map(|(name, metrics)| Ok(Training { name, lines: JsonLines::read(&metrics)? }));
        let beside = run.searches_beside()?.into_iter();
        Ok(Self {
            folder: folder.display().to_string(),
            name,
            manifest: run.made_with()?,
            space: config.space()?,
            request: Request::read(&run.request())?,
            seeds: read_own(&run.seeds(), "what several seeds have found", "automoe run --seeds writes it anew")?,
            results: run.results().exists().then(|| Results::read(&run.results())).transpose()?,
            trials: if run.trials().exists() { TrialLog::read(&run.trials())? } else { Vec::new() },
            search_memory: noted_peak(&run.search_memory())?,
            finalists: if run.finalists().exists() { JsonLines::read(&run.finalists())? } else { Vec::new() },
            ranking: read_own(&run.ranking(), "what automoe rank has found", "automoe rank writes it anew")?,
            trainings: trainings.collect::<Result<_>>()?,
            beside: beside.map(|(name, folder)| Self::named(&folder, name)).collect::<Result<_>>()?,
            config,
        })
    }

    /// The tested model of this name.
    pub fn tested(&self, name: &str) -> Option<&TestedModel> {
        self.results.as_ref()?.rows.iter().find(|row| row.name == name)
    }

    /// The training of this name.
    pub fn training(&self, name: &str) -> Option<&Training> {
        self.trainings.iter().find(|training| training.name == name)
    }

    /// This run and those that belong to it, each with its phases: the name that tables give them, and the training.
    pub fn all_trainings(&self) -> Vec<(String, &Training)> {
        let own = self.trainings.iter().map(|training| (training.name.clone(), training));
        let beside = self.beside.iter().flat_map(|search| {
            search.trainings.iter().map(|training| match training.name.as_str() {
                "supernet" => (format!("{}-supernet", search.name), training),
                _ => (search.name.clone(), training),
            })
        });
        own.chain(beside).collect()
    }

    /// Seconds that evaluations took, in this search and in those that belong to it.
    pub fn searched_seconds(&self) -> f64 {
        let own: f64 = self.trials.iter().map(|trial| trial.seconds).sum();
        own + self.beside.iter().map(Self::searched_seconds).sum::<f64>()
    }

    /// The complete trials, best first by loss.
    pub fn best_trials(&self) -> Vec<&Trial> {
        best(&self.trials, usize::MAX)
    }

    /// The trials that no other beats in both loss and this figure, by the figure.
    pub fn front(&self, figure: &str) -> Vec<&Trial> {
        let mut front: Vec<&Trial> = Vec::new();
        // Best first by loss: a trial is on the front where it has a lower figure than all before it.
        for trial in self.best_trials() {
            let Some(own) = trial.figure(figure) else { continue };
            if front.last().and_then(|last| last.figure(figure)).is_none_or(|least| own < least) {
                front.push(trial);
            }
        }
        front.reverse();
        front
    }

    /// What the run found: the architecture that was tested as the winner, or before that the best of the search.
    pub fn winner(&self) -> Option<Architecture> {
        let tested = self.tested("winner").and_then(|row| row.architecture.clone());
        tested.or_else(|| Some(self.best_trials().first()?.architecture.clone()))
    }

    /// The trial of the winner.
    pub fn winning_trial(&self) -> Option<&Trial> {
        let winner = self.winner()?;
        self.trials.iter().find(|trial| trial.architecture == winner && trial.complete_loss().is_some())
    }
}

/// What the file at `path` holds; none where there is no such file.
fn read_own<T: DeserializeOwned>(path: &Path, kind: &str, advice: &str) -> Result<Option<T>> {
    let Some(text) = atomic::read(path)? else { return Ok(None) };
    let read = checksum::from_text(&text, kind, advice);
    read.map(Some).map_err(|error| error.at(path.display()))
}

impl Training {
    /// Seconds that its updates and validations took.
    pub fn seconds(&self) -> f64 {
        self.lines.iter().filter_map(|line| line.seconds).sum()
    }

    /// Its last line with a figure.
    pub fn last<T>(&self, figure: impl Fn(&Line) -> Option<T>) -> Option<T> {
        self.lines.iter().rev().find_map(figure)
    }

    /// The mean of the architectures' validation losses, by update.
    pub fn validations(&self) -> Vec<(f64, f64)> {
        let mean = |line: &Line| {
            let losses: Vec<f64> = line.valid.values().copied().collect::<Option<_>>()?;
            (!losses.is_empty()).then(|| (line.update as f64, losses.iter().sum::<f64>() / losses.len() as f64))
        };
        self.lines.iter().filter_map(mean).collect()
    }
}
