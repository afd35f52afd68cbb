//! A run in its folder, looked at again and again: its logs are read from where the last look ended, and nothing is written, or kept
//! locked.

use super::scene::{Phase, Scene};
use super::search::SearchSoFar;
use super::training::{State, TrainingSoFar};
use crate::config::{Config, SearchConfig};
use crate::error::{Result, unless_damaged};
use crate::report::Results;
use crate::run::atomic::is_put_aside;
use crate::run::directory::run_name;
use crate::run::{Request, RunDirectory, Tail};
use crate::search::{Trial, read_winner};
use crate::space::Architecture;
use crate::train::{Line, Training};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// A run that may be in use, by a process on another machine perhaps.
pub struct Watched {
    run: RunDirectory,
    scene: Scene,
    /// What has written last, where that belongs to a run beside it.
    inside: Option<Box<Self>>,
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
    Training(String),
    Trials,
    Winner,
    Results,
    /// Evaluations of `automoe rank`, and what came of them.
    Evaluations,
    Ranking,
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
            interrupted: None,
            age: None,
            trainings: Vec::new(),
            search: None,
            search_seconds_left: None,
            results: None,
            subruns: Vec::new(),
            remarks: Vec::new(),
        };
        let trials = Tail::new(run.trials());
        Ok(Self { run, scene, inside: None, logs: HashMap::new(), trials, settings: None, since: None })
    }

    /// How far it has come by now.
    ///
    /// # Errors
    /// Settings or logs of it that are damaged, or cannot be read; the run is gone. Of other files the scene says so.
    pub fn look(&mut self) -> Result<&Scene> {
        self.run.made_with()?;
        // Before what it writes is read: what ends meanwhile is not taken for interrupted.
        let in_use = self.run.is_in_use();
        self.scene.remarks.clear();
        // A run that was begun just now may have none yet.
        if self.run.config().exists() {
            let config = Config::load(&self.run.config().to_string_lossy())?;
            self.look_at_trainings(&config)?;
            self.look_at_search(&config.search)?;
            let results = self.run.results();
            let results = results.exists().then(|| Results::read(&results)).transpose();
            self.scene.results = unless_damaged(results, &mut self.scene.remarks);
            self.scene.subruns = self.run.all_beside()?;
            self.look_at_phase(in_use)?;
            self.look_at_states();
            self.look_inside();
        }
        Ok(&self.scene)
    }

    /// What was seen last, in at most `width` columns and `height` lines; of what is at work beside it what that would show.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let Some(inside) = self.at_work_beside() else { return self.scene.lines(width, height) };
        let mut lines = self.scene.head(width);
        lines.truncate(height);
        lines.extend(inside.lines(width, height - lines.len()));
        lines
    }

    /// The same for other programs: one object.
    pub fn to_json(&self) -> Value {
        let mut scene = self.scene.to_json();
        scene["inside"] = self.at_work_beside().map_or(Value::Null, Self::to_json);
        scene
    }

    /// What is at work beside it.
    fn at_work_beside(&self) -> Option<&Self> {
        self.inside.as_deref().filter(|inside| !inside.scene.phase.is_over())
    }

    /// Looks at what has written last, where that belongs to a run beside it.
    fn look_inside(&mut self) {
        let before = self.inside.take();
        if let Phase::Beside(path) = &self.scene.phase {
            let looked = self.run.run_beside(path).and_then(|run| Self::looked_at(run.root(), before));
            self.inside = unless_damaged(looked.map(Some), &mut self.scene.remarks);
        }
    }

    /// The run in `folder`, which `before` may be, as it is now.
    fn looked_at(folder: &Path, before: Option<Box<Self>>) -> Result<Box<Self>> {
        let before = before.filter(|before| before.run.root() == folder);
        let mut run = before.map_or_else(|| Self::open(folder).map(Box::new), Ok)?;
        run.look()?;
        Ok(run)
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

    /// Which trainings go on, and whether the search does.
    fn look_at_states(&mut self) {
        let scene = &mut self.scene;
        let goes_on = scene.interrupted != Some(true);
        if !(goes_on && scene.phase == Phase::Searching) {
            scene.search_seconds_left = None;
        }
        let names: Vec<String> = scene.trainings.iter().map(|training| training.log.name.clone()).collect();
        for training in &mut scene.trainings {
            let is_current = goes_on && scene.phase == Phase::Training(training.log.name.clone());
            training.state = match is_put_aside(&training.log.name, &names) {
                _ if is_current => State::Own,
                true => State::PutAside,
                false if training.is_over() => State::Own,
                false => State::Left,
            };
        }
    }

    /// Whether what the search found is not what was tested as its winner; a damaged winner does not tell.
    fn is_searched_anew(&mut self) -> bool {
        let Scene { results: Some(results), search, remarks, .. } = &mut self.scene else { return false };
        let is_of_another =
            |found: Option<Architecture>| Some(results.are_of_another_search(search.is_some(), found.as_ref()));
        unless_damaged(read_winner(&self.run).map(is_of_another), remarks).unwrap_or(false)
    }

    /// What it is at is told by what was written last; that all is done, by what `automoe run` has noted down. Whoever has no lock, and
    /// has not ended, was killed or interrupted.
    fn look_at_phase(&mut self, in_use: Option<bool>) -> Result<()> {
        let scene = &self.scene;
        let last = written(&self.run)?.into_iter().max_by_key(|(when, _)| *when);
        let (mut newest, last) = last.unzip();
        let is_over = match &last {
            None => false,
            Some(Written::Training(name)) => {
                scene.trainings.iter().any(|training| training.log.name == *name && training.is_over())
            }
            Some(Written::Trials) => {
                let all = scene.search.as_ref().is_some_and(|search| search.trials() >= search.expected());
                all && self.run.winner().exists()
            }
            Some(Written::Evaluations) => false,
            Some(Written::Winner | Written::Ranking) => true,
            Some(Written::Results) => scene.results.as_ref().is_some_and(|results| !results.unfinished),
        };
        // Earlier versions noted nothing down.
        let is_tested = is_over && matches!(last, Some(Written::Results));
        let request = unless_damaged(Request::read(&self.run.request()), &mut self.scene.remarks);
        let has_run_all = request.as_ref().map_or(is_tested, |request| request.done);
        let is_done = has_run_all && is_over && !self.is_searched_anew();
        let goes_on = request.is_some_and(|request| !request.done);
        let mut phase = match last {
            None => Phase::Preparing,
            Some(_) if is_over && goes_on => Phase::Between,
            Some(_) if is_over => Phase::Over,
            Some(Written::Evaluations | Written::Ranking) => Phase::Ranking,
            Some(Written::Training(name)) => Phase::Training(name),
            Some(Written::Trials | Written::Winner) => Phase::Searching,
            Some(Written::Results) => Phase::Testing,
        };
        let Scene { subruns, remarks, .. } = &mut self.scene;
        for path in subruns {
            let when = self.run.run_beside(path).and_then(|run| last_written(&run));
            let when = unless_damaged(when, remarks);
            if when > newest {
                (newest, phase) = (when, Phase::Beside(path.clone()));
            }
        }
        let age = newest.map(|when| SystemTime::now().duration_since(when).unwrap_or_default());
        self.scene.age = age.map(|age| age.as_secs_f64());
        let phase = if is_done { Phase::Finished } else { phase };
        // What `automoe import` has made has no logs, and needs none.
        let has_ended = phase.is_over() || (phase == Phase::Preparing && !goes_on);
        self.scene.interrupted = in_use.map(|in_use| !in_use && !has_ended);
        self.scene.phase = phase;
        Ok(())
    }
}

/// What `run` has written, and when.
fn written(run: &RunDirectory) -> Result<Vec<(SystemTime, Written)>> {
    let trainings = run.trainings()?.into_iter().map(|(name, log)| (log, Written::Training(name)));
    let files = [
        (run.trials(), Written::Trials),
        (run.winner(), Written::Winner),
        (run.results(), Written::Results),
        (run.ranking(), Written::Ranking),
    ];
    let evaluations = run.ranking_logs()?.into_iter().map(|log| (log, Written::Evaluations));
    let when = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let all = trainings.chain(evaluations).chain(files);
    Ok(all.filter_map(|(path, what)| Some((when(&path)?, what))).collect())
}

/// When `run`, or what belongs to it, has written last.
fn last_written(run: &RunDirectory) -> Result<Option<SystemTime>> {
    let mut last = written(run)?.into_iter().map(|(when, _)| when).max();
    for path in run.all_beside()? {
        last = last.max(last_written(&run.run_beside(&path)?)?);
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BUILT_IN;
    use crate::run::directory::METRICS;
    use std::fs::{self, File};
    use std::path::PathBuf;
    use std::time::Duration;

    /// A run of the toy config that was begun just now, and whose lock is held.
    fn begin(folder: &Path) -> RunDirectory {
        RunDirectory::open(folder, BUILT_IN[0].1, "run", false).unwrap()
    }

    /// Writes a file, so many seconds after all began.
    fn put(path: PathBuf, text: &str, when: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(when);
        File::options().append(true).open(path).unwrap().set_modified(when).unwrap();
    }

    const BEGUN: &str = "{\"update\":1}\n";

    #[test]
    fn a_run_beside_is_shown_while_it_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let run = begin(folder.path());
        let beside = begin(&run.search_beside("nas", None));
        put(run.supernet().join(METRICS), BEGUN, 1);
        put(beside.supernet().join(METRICS), BEGUN, 2);
        let mut watched = Watched::open(folder.path()).unwrap();
        assert_eq!(watched.look().unwrap().phase, Phase::Beside("compare/nas".into()));
        let lines = watched.lines(79, 24);
        assert!(lines[0].contains(" · in subruns/compare/nas") && lines[1].starts_with("nas · training supernet"));
        let told = watched.to_json();
        assert_eq!((&told["inside"]["run"], &told["inside"]["phase"]), (&"nas".into(), &"training".into()));
        // It is over, or cannot be read.
        put(beside.winner(), "{}", 3);
        watched.look().unwrap();
        assert!(watched.to_json()["inside"].is_null() && watched.lines(79, 24)[1].starts_with("supernet"));
        put(beside.trials(), "{\n{\n", 4);
        assert_eq!(watched.look().unwrap().remarks.len(), 1);
        let lines = watched.lines(200, 24);
        assert!(lines[1].contains("trials.jsonl") && lines[2].starts_with("supernet"), "{lines:#?}");
        fs::write(beside.manifest(), "{").unwrap();
        let scene = watched.look().unwrap();
        assert_eq!((&scene.phase, scene.remarks.len()), (&Phase::Training("supernet".into()), 1));
    }

    #[test]
    fn what_goes_on_and_what_was_left_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let run = begin(folder.path());
        for (name, when) in [("winner.1", 1), ("winner", 2), ("v1", 3), ("v1.1", 4)] {
            put(run.model(name).unwrap().join(METRICS), BEGUN, when);
        }
        let mut watched = Watched::open(folder.path()).unwrap();
        let mut states = || {
            let trainings = &watched.look().unwrap().trainings;
            trainings.iter().map(|training| (training.log.name.clone(), training.state)).collect::<Vec<_>>()
        };
        let of = |last| {
            [("v1", State::Left), ("v1.1", last), ("winner", State::Left), ("winner.1", State::PutAside)]
                .map(|(name, state)| (name.to_owned(), state))
        };
        assert_eq!(states(), of(State::Own));
        drop(run);
        if cfg!(target_os = "linux") {
            assert_eq!(states(), of(State::PutAside));
        }
    }

    /// Imported models have no logs.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_run_without_logs_is_interrupted_where_more_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let run = begin(folder.path());
        let mut watched = Watched::open(folder.path()).unwrap();
        let mut told = || {
            let scene = watched.look().unwrap();
            (scene.phase.clone(), scene.interrupted)
        };
        let request = run.request();
        drop(run);
        assert_eq!(told(), (Phase::Preparing, Some(false)));
        Request { device: "cpu".into(), top: 1, seeds: 1, ladder: None, done: false }.write(&request).unwrap();
        assert_eq!(told(), (Phase::Preparing, Some(true)));
    }
}
