//! The search phase.

use super::constraints::{compare_with_profile, counted_costs, latency_profile, measures_latency};
use super::evaluator::SupernetEvaluator;
use super::latency::{MeasuredLatency, Quiet, conditions};
use super::workspace::Workspace;
use crate::catalog;
use crate::config::{LatencySource, SearchConfig};
use crate::cost::{Cost, Dimensions, Limit};
use crate::error::{Error, Result, listed, refuse};
use crate::latency::LatencyProfile;
use crate::model::Supernet;
use crate::progress::Progress;
use crate::run::checkpoints::resolve;
use crate::run::{Settings, atomic};
use crate::search::{self, Budget, Constraints, Feasible, Search, Trial, TrialLog, algorithm, first_within, round_up};
use crate::train::{Validation, load_weights};
use std::path::Path;
use std::sync::Arc;

/// Searches with the weights of the supernet at `checkpoint` and returns the winner; every candidate goes to the trial log.
/// With `fresh` the log of an earlier search is removed first. Where latency is measured, the winner is the best trial that
/// keeps the limit when measured at length too.
///
/// # Errors
/// No such checkpoint, or one of other data; constraints that nothing in the space satisfies; a log of another search;
/// [`Error::Interrupted`] after a signal.
pub fn search(workspace: &Workspace, checkpoint: &Path, fresh: bool) -> Result<Trial> {
    let (settings, seed) = (&workspace.config.search, workspace.config.seed);
    let checkpoint = resolve(checkpoint)?;
    let weights = load_weights(&checkpoint, &workspace.device)?;
    workspace.check_weights(&weights, &checkpoint)?;
    weights.check_shared().map_err(|error| error.at(checkpoint.display()))?;
    // Where its attentions are of another width, the space's heads may not divide them.
    refuse(&workspace.config.space.faults(weights.supernet.config.qkv_dim))
        .map_err(|error| error.at(checkpoint.display()))?;
    weights.supernet.weights(&workspace.space.supernet()).map_err(|error| error.at(checkpoint.display()))?;
    let (supernet, quiet) = (Arc::new(weights.supernet), Quiet::default());
    let dimensions = Dimensions::of(&workspace.config)?;
    let measured = || MeasuredLatency::new(workspace, supernet.clone(), quiet.clone());
    let mut costs = counted_costs(&workspace.config)?;
    let gflops = costs.get("gflops").expect("FLOPs are counted").clone();
    if let Some(profile) = latency_profile(&workspace.config)? {
        tell_of_profile(workspace, &profile)?;
        costs.extend([Arc::new(profile) as Arc<dyn Cost>]);
    }
    let constraints = Constraints::new(settings, &costs);
    let feasible = Feasible::check(&workspace.space, &constraints, seed)?;
    let evaluator = SupernetEvaluator {
        supernet: supernet.clone(),
        validation: Validation::new(&workspace.prepared.valid, settings.max_tokens)?,
        dimensions,
        latency: measured(),
        quiet: quiet.clone(),
    };
    let trials = workspace.run.trials();
    if fresh || !has_begun(&trials) {
        feasible.check_measured(&|architecture| evaluator.latency.of(architecture), seed)?;
    }
    if fresh {
        remove(&trials)?;
    }
    tie_to_weights(&trials, &checkpoint)?;
    tie_to_conditions(workspace)?;
    let changes = changes(&trials, settings)?;
    let mut log = TrialLog::open(&trials, &workspace.space)?;
    let known = log.trials().len();
    if known > 0 {
        tracing::info!("searching: going on after {known} trials");
    }
    let search = Search { settings, feasible: &feasible, gflops: &*gflops, changes: &changes };
    let mut algorithm = algorithm(settings, &feasible, seed);
    let bar = Progress::bar(Budget::new(settings).total(), "candidates", "searching").resumed_at(known as u64);
    let mut shown = Shown { bar, constraints: &constraints, current: None };
    let ranked = search.run(&evaluator, algorithm.as_mut(), &mut log, &mut |progress| shown.trial(progress))?;
    shown.finish();
    let (winner, at_length) = match constraints.measured {
        None => (ranked[0].clone(), None),
        Some(limit) => {
            let full = measured().at_length();
            let finalists = workspace.run.finalists();
            let (winner, latency) = first_within(&ranked, limit, &|architecture| full.of(architecture), &finalists)?;
            (winner, Some(latency))
        }
    };
    tracing::info!("{}", summary(&winner, &constraints, settings.latency, at_length));
    let text = serde_json::to_string(&winner.architecture).map_err(Error::failure)?;
    atomic::write(&workspace.run.winner(), format!("{text}\n").as_bytes())?;
    Ok(winner)
}

/// Finds out before a long training whether the search after it can be done at all. Where latency is measured, that is
/// done with weights that are not trained yet.
///
/// # Errors
/// Limits that nothing in the space keeps; validation pairs that are longer than the search's batches.
pub(super) fn check_search(workspace: &Workspace) -> Result<()> {
    let config = &workspace.config;
    Validation::new(&workspace.prepared.valid, config.search.max_tokens)
        .map_err(|error| error.at("search.max_tokens, validation set"))?;
    if !measures_latency(config) || has_begun(&workspace.run.trials()) {
        return Ok(());
    }
    let supernet = Supernet::init(workspace.supernet_config(), config.seed, &workspace.device);
    let measured = MeasuredLatency::new(workspace, Arc::new(supernet), Quiet::default());
    let constraints = Constraints::new(&config.search, &counted_costs(config)?);
    let feasible = Feasible::check(&workspace.space, &constraints, config.seed)?;
    feasible.check_measured(&|architecture| measured.of(architecture), config.seed)
}

/// Says what `profile` predicts, and where it is no sure guide to the workspace's space.
fn tell_of_profile(workspace: &Workspace, profile: &LatencyProfile) -> Result<()> {
    let conditions = profile.conditions.as_ref().map_or_else(|| "it does not tell how".to_owned(), ToString::to_string);
    tracing::info!("latency is predicted for {}, measured on: {conditions}", profile.device);
    compare_with_profile(&workspace.config, profile)?;
    let ends = [workspace.space.smallest(), workspace.space.largest()];
    let mut beyond: Vec<&str> = ends.iter().flat_map(|end| profile.predict(end).beyond_data).collect();
    beyond.sort_unstable();
    beyond.dedup();
    if !beyond.is_empty() {
        let beyond = listed(&beyond, ", ");
        tracing::warn!("the space goes beyond the architectures that the latency profile was fitted to, in {beyond}");
    }
    Ok(())
}

/// Shows how a search goes: a bar, and a line for each generation that is over.
struct Shown<'a> {
    bar: Progress,
    constraints: &'a Constraints,
    /// The generation of the last trial, and its line as of then: pruned trials are replaced, so that only the next
    /// generation tells that this one is over.
    current: Option<(u64, String)>,
}

impl Shown<'_> {
    fn trial(&mut self, progress: search::Progress) {
        // The bar begins after the trials of an earlier process.
        if !progress.resumed {
            self.bar.set_length(progress.total);
            self.bar.set_position(progress.done);
        }
        let Some(best) = progress.best else { return };
        let loss = best.loss.unwrap_or(f64::NAN);
        let figures = match self.constraints.tightest(best) {
            Some((limit, figure)) => format!("{} of {} {}", round_up(figure), limit.most, limit.unit),
            None => format!("{} GFLOPs", round_up(best.gflops)),
        };
        let (generation, done) = (progress.trial.generation, progress.done);
        self.bar.set_message(format!("searching: generation {generation}, best loss {loss:.4} at {figures}"));
        if progress.resumed {
            return;
        }
        if self.current.as_ref().is_some_and(|(current, _)| *current != generation) {
            self.tell();
        }
        let line = format!("searching: generation {generation}, {done} candidates: best loss {loss:.4} at {figures}");
        self.current = Some((generation, line));
    }

    fn finish(mut self) {
        self.tell();
        self.bar.finish();
    }

    fn tell(&mut self) {
        if let Some((_, line)) = self.current.take() {
            tracing::info!("{line}");
        }
    }
}

/// The winner's figures in one line; `at_length` is what it takes at most when measured again.
fn summary(winner: &Trial, constraints: &Constraints, source: LatencySource, at_length: Option<f64>) -> String {
    let mut line = format!("winner: trial {}, loss {:.4}", winner.id, winner.loss.unwrap_or(f64::NAN));
    if constraints.limits().all(|limit| limit.name != "gflops") {
        line += &format!(", {} GFLOPs", round_up(winner.gflops));
    }
    for Limit { name, unit, most } in constraints.limits() {
        let logged = winner.figure(name).unwrap_or(f64::NAN);
        let (bound, figure, manner) = match (name, source, at_length) {
            ("latency_ms", LatencySource::Predictor, _) => ("", logged, " predicted"),
            ("latency_ms", LatencySource::Measured, Some(again)) => ("up to ", again, " measured"),
            _ => ("", logged, ""),
        };
        let noun = catalog::cost(name).map_or(unit, |row| row.noun);
        line += &format!(", {bound}{} {noun}{manner} (limit {most})", round_up(figure));
    }
    line
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::failure(error).at(path.display())),
        _ => Ok(()),
    }
}

/// Remembers beside the log `trials` which weights measured them, and refuses to go on with others.
fn tie_to_weights(trials: &Path, checkpoint: &Path) -> Result<()> {
    let failure = |path: &Path, error: std::io::Error| Error::failure(error).at(path.display());
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(checkpoint).map_err(|error| failure(checkpoint, error))?;
    hasher.update_reader(file).map_err(|error| failure(checkpoint, error))?;
    let weights = hasher.finalize().to_hex().to_string();
    let record = trials.with_file_name("weights.blake3");
    if has_begun(trials) && std::fs::read_to_string(&record).is_ok_and(|recorded| recorded.trim() != weights) {
        return Err(Error::input("these trials were measured with other weights; automoe search --fresh removes them")
            .at(trials.display()));
    }
    atomic::write(&record, format!("{weights}\n").as_bytes())
}

/// Remembers beside the trials where and how latency was measured, and refuses to go on under other conditions.
fn tie_to_conditions(workspace: &Workspace) -> Result<()> {
    let trials = workspace.run.trials();
    let record = trials.with_file_name("latency-conditions.txt");
    let now = match measures_latency(&workspace.config) {
        true => conditions(workspace),
        false => "not measured".to_owned(),
    };
    if has_begun(&trials) {
        let then = std::fs::read_to_string(&record).unwrap_or_else(|_| "not measured".to_owned());
        if measures_latency(&workspace.config) && then.trim() != now {
            return Err(Error::input(format!(
                "the latency of these trials is: {}; now it is to be measured on {now}; automoe search --fresh removes \
                 the trials",
                then.trim()
            ))
            .at(trials.display()));
        }
        return Ok(());
    }
    remove(&workspace.run.finalists())?;
    atomic::write(&record, format!("{now}\n").as_bytes())
}

/// Remembers beside the log `trials` the settings that it is begun with, and tells how `settings` differ from them; empty
/// where they do not, or where nothing is remembered.
fn changes(trials: &Path, settings: &SearchConfig) -> Result<String> {
    // How many work side by side changes no trial.
    let settings = SearchConfig { parallel: 0, ..settings.clone() };
    let text = toml::to_string(&settings).map_err(Error::failure)?;
    let record = trials.with_file_name("settings.toml");
    if !has_begun(trials) {
        atomic::write(&record, text.as_bytes())?;
    }
    let then = std::fs::read_to_string(&record).ok().and_then(|text| Settings::parse(&text).ok());
    let now = Settings::parse(&text)?;
    Ok(then.map_or_else(String::new, |then| then.differences(&now)))
}

fn has_begun(trials: &Path) -> bool {
    trials.metadata().is_ok_and(|metadata| metadata.len() > 0)
}
