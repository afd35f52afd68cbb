//! A run in its folder, looked at again and again: its logs are read from where the last look ended, and nothing is written or
//! locked.

use super::scene::{Phase, Scene};
use super::search::SearchSoFar;
use super::training::TrainingSoFar;
use crate::config::{Config, SearchConfig};
use crate::error::Result;
use crate::page::{Line, Training};
use crate::report::Results;
use crate::run::directory::run_name;
use crate::run::{RunDirectory, Tail};
use crate::search::Trial;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// A run that may be in use, by a process on another machine perhaps.
pub struct Watched {
    run: RunDirectory,
    scene: Scene,
    /// The logs of trainings by name.
    logs: HashMap<String, Tail>,
    trials: Tail,
    /// The settings that the search is shown by.
    settings: Option<SearchConfig>,
    /// When the search was looked at first, and how many trials it had then.
    since: Option<(Instant, u64)>,
}

/// What a run writes as it goes.
enum Written {
    Training(usize),
    Trials,
    Winner,
    Results,
}

impl Watched {
    /// The run in `folder`, which is not looked at yet.
    ///
    /// # Errors
    /// No run there.
    pub fn open(folder: &Path) -> Result<Self> {
        let run = RunDirectory::read_only(folder)?;
        let scene = Scene {
            name: run_name(folder)?,
            phase: Phase::Preparing,
            age: None,
            trainings: Vec::new(),
            search: None,
            search_seconds_left: None,
            results: None,
            subruns: Vec::new(),
        };
        let trials = Tail::new(run.trials());
        Ok(Self { run, scene, logs: HashMap::new(), trials, settings: None, since: None })
    }

    /// How far it has come by now.
    ///
    /// # Errors
    /// Files of it that are damaged, or cannot be read; the run is gone.
    pub fn look(&mut self) -> Result<&Scene> {
        let made_with = self.run.made_with()?;
        // A run that was begun just now may have none yet.
        if self.run.config().exists() {
            let config = Config::load(&self.run.config().to_string_lossy())?;
            self.look_at_trainings(&config)?;
            self.look_at_search(&config.search)?;
            let results = self.run.results();
            self.scene.results = results.exists().then(|| Results::read(&results)).transpose()?;
            self.scene.subruns = self.run.all_beside()?;
            self.look_at_phase(made_with.created_by == "run");
        }
        Ok(&self.scene)
    }

    fn look_at_trainings(&mut self, config: &Config) -> Result<()> {
        let alone = config.train.with(&config.train_architecture)?;
        let finetuned = alone.with(&config.finetune)?.max_updates as u64;
        let mut before: HashMap<String, TrainingSoFar> =
            self.scene.trainings.drain(..).map(|training| (training.log.name.clone(), training)).collect();
        for (name, path) in self.run.trainings()? {
            let tail = self.logs.entry(name.clone()).or_insert_with(|| Tail::new(path));
            let grown = tail.read::<Line>()?;
            let mut lines = before.remove(&name).map_or_else(Vec::new, |training| training.log.lines);
            if grown.anew {
                lines.clear();
            }
            lines.extend(grown.values);
            let done = lines.last().map_or(0, |line| line.update);
            let updates = match name.as_str() {
                "supernet" => config.train.max_updates as u64,
                "adapted" => config.train.adapting(&config.adapt).max_updates as u64,
                // No log tells whether its weights were inherited.
                _ if done == finetuned => finetuned,
                _ => alone.max_updates as u64,
            };
            self.scene.trainings.push(TrainingSoFar::new(Training { name, lines }, updates));
        }
        // What was removed is read from its beginning when it is there again.
        self.logs.retain(|name, _| !before.contains_key(name));
        Ok(())
    }

    fn look_at_search(&mut self, settings: &SearchConfig) -> Result<()> {
        if self.settings.as_ref() != Some(settings) {
            self.settings = Some(settings.clone());
            self.trials = Tail::new(self.run.trials());
            self.scene.search = None;
        }
        let grown = self.trials.read::<Trial>()?;
        if grown.anew || !self.run.trials().exists() {
            self.scene.search = None;
        }
        if !grown.values.is_empty() {
            let search = self.scene.search.get_or_insert_with(|| SearchSoFar::new(settings));
            grown.values.iter().for_each(|trial| search.tell(trial));
        }
        let Some(search) = &self.scene.search else {
            self.since = None;
            self.scene.search_seconds_left = None;
            return Ok(());
        };
        let (since, first) = *self.since.get_or_insert_with(|| (Instant::now(), search.trials()));
        let (seen, left) = (search.trials().saturating_sub(first), search.expected().saturating_sub(search.trials()));
        let seconds = since.elapsed().as_secs_f64() * left as f64 / seen as f64;
        self.scene.search_seconds_left = (seen > 0 && left > 0).then_some(seconds);
        Ok(())
    }

    /// What it is at is told by what was written last.
    fn look_at_phase(&mut self, is_of_all_phases: bool) {
        let scene = &self.scene;
        let written = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let logs = self.run.trainings().unwrap_or_default();
        let trainings = scene.trainings.iter().enumerate().filter_map(|(index, training)| {
            let (_, path) = logs.iter().find(|(name, _)| *name == training.log.name)?;
            Some((written(path)?, Written::Training(index)))
        });
        let files = [
            (self.run.trials(), Written::Trials),
            (self.run.winner(), Written::Winner),
            (self.run.results(), Written::Results),
        ];
        let files = files.into_iter().filter_map(|(path, what)| Some((written(&path)?, what)));
        let last = trainings.chain(files).max_by_key(|(when, _)| *when);
        let age = last.as_ref().map(|(when, _)| SystemTime::now().duration_since(*when).unwrap_or_default());
        let under_way = match last {
            None => Some(Phase::Preparing),
            Some((_, Written::Training(index))) => {
                let training = &scene.trainings[index];
                (!training.is_over()).then(|| Phase::Training(training.log.name.clone()))
            }
            Some((_, Written::Trials)) => {
                let is_over = scene.search.as_ref().is_some_and(|search| search.trials() >= search.expected());
                (!is_over || !self.run.winner().exists()).then_some(Phase::Searching)
            }
            Some((_, Written::Results)) => {
                scene.results.as_ref().is_some_and(|results| !results.is_whole()).then_some(Phase::Testing)
            }
            Some((_, Written::Winner)) => None,
        };
        let is_tested = scene.results.as_ref().map_or(!is_of_all_phases, |results| {
            let has_row = |training: &TrainingSoFar| results.rows.iter().any(|row| row.name == training.log.name);
            let by_results = matches!(last, Some((_, Written::Results)));
            results.is_whole() && (by_results || scene.trainings.iter().all(has_row))
        });
        let over = if is_tested { Phase::Finished } else { Phase::Between };
        self.scene.age = age.map(|age| age.as_secs_f64());
        self.scene.phase = under_way.unwrap_or(over);
    }
}
