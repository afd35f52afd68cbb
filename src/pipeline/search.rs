//! The search phase.

use super::beforehand::check_search;
use super::constraints::{compare_with_profile, counted_costs, latency_profile};
use super::evaluator::SupernetEvaluator;
use super::latency::{MeasuredLatency, Quiet};
use super::search_record::{SearchRecord, has_begun, remove};
use super::search_shown::{Shown, summary};
use super::workspace::Workspace;
use crate::config::Config;
use crate::cost::{Cost, Costs, Limit};
use crate::error::{Error, Result, listed};
use crate::latency::LatencyProfile;
use crate::model::Supernet;
use crate::model::weights::rules::of_config;
use crate::run::Made;
use crate::run::atomic::{self, put_aside};
use crate::run::checkpoints::resolve;
use crate::run::memory::{SearchSpent, forget_peak};
use crate::search::{
    Constraints, Feasible, LeftOut, Pick, Search, Trial, TrialLog, algorithm, check_pick, first_within, front, picked,
};
use crate::space::Architecture;
use crate::train::{Weights, load_weights, trained_updates};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What becomes of the trials that a run has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierTrials {
    /// The search goes on after them; those of other weights are refused.
    GoOn,
    /// The search goes on after them; those of other weights get another name, and the search begins anew.
    PutAsideIfStale,
    /// So are those of other settings: nobody but the program searches there.
    PutAsideIfOther,
    /// They are removed.
    Remove,
}

/// Searches with the weights of the supernet at `checkpoint`; every candidate goes to the trial log. It begins with the
/// architectures of `warm_start`, and draws the others of its first generation.
///
/// With one objective it returns the complete trials, best first, with several the front, the knee first. What `pick` means comes
/// before the others: it is the winner. Where latency is measured and limited it is the first of those that `pick` allows that keeps
/// the limit when measured at length, too; those that do not are left out.
///
/// # Errors
/// No such checkpoint, or one of other data; constraints that nothing in the space satisfies; a log of another search;
/// [`Error::Interrupted`] after a signal.
pub fn search(
    workspace: &Workspace,
    checkpoint: &Path,
    earlier: EarlierTrials,
    warm_start: &[Architecture],
    pick: Pick,
) -> Result<Vec<Trial>> {
    let began = Instant::now();
    forget_peak();
    let Config { search: settings, seed, .. } = &workspace.config;
    let checkpoint = resolve(checkpoint)?;
    check_search(workspace)?;
    let (supernet, quiet) = (Arc::new(supernet(workspace, &checkpoint)?), Quiet::default());
    warn_of_unfinished(workspace, &checkpoint);
    let measured = || MeasuredLatency::new(workspace, supernet.clone(), quiet.clone());
    let costs = costs(workspace)?;
    check_pick(pick, |name| costs.get(name).is_some() || settings.asks_for(name))?;
    let gflops = costs.get("gflops").expect("FLOPs are counted");
    let constraints = Constraints::new(settings, &costs);
    let mut feasible = Feasible::check(&workspace.space, &constraints, *seed)?;
    let record = SearchRecord::new(workspace, &checkpoint)?;
    let trials = workspace.run.trials();
    let evaluator = SupernetEvaluator::new(
        workspace,
        &supernet,
        (measured(), quiet.clone()),
        record.conditions(&workspace.device_name),
    )?;
    // Refused before earlier trials are removed.
    begin_with(&mut feasible, warm_start, settings.population)?;
    if begins_anew(earlier, &record, &trials)? {
        feasible.check_measured(&|architecture| evaluator.latency.of(architecture), *seed)?;
        clear(&trials, earlier)?;
    }
    if warm_start.is_empty() {
        begin_with(&mut feasible, &SearchRecord::began_with(&workspace.run)?, settings.population)?;
    }
    let record = record.beginning_with(feasible.given());
    let changes = record.tie(&workspace.run)?;
    let mut log = TrialLog::open(&trials, &workspace.space)?;
    let known = log.trials().len();
    let last = settings.generations as u64;
    match log.trials().iter().filter(|trial| trial.generation <= last).count() {
        0 => {}
        counted if counted == known => tracing::info!("searching: going on after {known} trials"),
        counted => tracing::info!("searching: of {known} trials the {counted} up to generation {last} count"),
    }
    let search = Search { settings, feasible: &feasible, gflops: &**gflops, changes: &changes };
    let mut algorithm = algorithm(settings, &feasible, *seed);
    let mut shown = Shown::new(settings, known as u64, &constraints);
    if workspace.config.report.tensorboard {
        shown = shown.with_events(&workspace.run.search(), known as u64)?;
    }
    let searched = || {
        let ranked = search.run(&evaluator, algorithm.as_mut(), &mut log, &mut |progress| {
            if !progress.resumed {
                workspace.run.keep_settings(Made::Trials)?;
            }
            shown.trial(progress)
        })?;
        workspace.run.keep_settings(Made::Trials)?;
        shown.finish()?;
        Ok(if settings.objectives.len() > 1 { front(&ranked, &settings.objectives) } else { ranked })
    };
    let searched: Result<_> = searched();
    // A search that was refused, or had nothing left to do, took nothing.
    if log.trials().len() > known
        && let Err(error) = SearchSpent::note(&workspace.run.search_spent(), began.elapsed().as_secs_f64(), known > 0)
    {
        tracing::warn!("what the search took is not noted: {error}");
    }
    let found = searched?;
    let counted = |trial: &Trial, name: &str| costs.get(name).map(|cost| cost.of(&trial.architecture));
    let places = picked(&found, pick, &|trial, name| trial.figure(name).or_else(|| counted(trial, name)))?;
    let knee = found[0].id;
    let limit = constraints.measured.filter(|limit| limit.most.is_finite());
    let (found, at_length) = match limit {
        None => (first(found, places[0]), None),
        Some(limit) => within_at_length(found, &places, limit, &measured().at_length(), &workspace.run.finalists())?,
    };
    let kind = match settings.objectives.len() {
        1 => "winner".to_owned(),
        _ if found[0].id == knee => format!("front of {}, its knee", found.len()),
        _ => format!("front of {}, picked", found.len()),
    };
    tracing::info!("{kind}: {}", summary(&found[0], &constraints, settings, at_length));
    keep_winner(workspace, &found[0])?;
    Ok(found)
}

/// Writes the winner's architecture into the run.
fn keep_winner(workspace: &Workspace, Trial { architecture, .. }: &Trial) -> Result<()> {
    let text = serde_json::to_string(architecture).map_err(Error::failure)?;
    atomic::write(&workspace.run.winner(), format!("{text}\n").as_bytes())
}

/// Lets the search begin with `given`, `most` of them, and says which it cannot.
///
/// # Errors
/// With none of them.
fn begin_with(feasible: &mut Feasible, given: &[Architecture], most: usize) -> Result<()> {
    let left = feasible.begin_with(given, most);
    if !given.is_empty() && feasible.given().is_empty() {
        return Err(Error::input(format!("nothing to begin with: {left}")).at("--warm-start"));
    }
    if left != LeftOut::default() {
        tracing::warn!("--warm-start: left out: {left}");
    }
    Ok(())
}

/// `found` with the trial at `place` before the others.
fn first(mut found: Vec<Trial>, place: usize) -> Vec<Trial> {
    found[..=place].rotate_right(1);
    found
}

/// `found` with the first of `places` before the others that keeps `limit` when measured at length by `latency`, and its latency.
/// Those that do not keep it are left out.
fn within_at_length(
    mut found: Vec<Trial>,
    places: &[usize],
    limit: Limit,
    latency: &MeasuredLatency,
    finalists: &Path,
) -> Result<(Vec<Trial>, Option<f64>)> {
    let in_turn: Vec<Trial> = places.iter().map(|&place| found[place].clone()).collect();
    let (winner, latency) = first_within(&in_turn, limit, &|architecture| latency.of(architecture), finalists)?;
    let beyond: Vec<u64> = in_turn.iter().map(|trial| trial.id).take_while(|&id| id != winner.id).collect();
    found.retain(|trial| !beyond.contains(&trial.id));
    let place = found.iter().position(|trial| trial.id == winner.id);
    Ok((first(found, place.expect("the winner is one of them")), Some(latency)))
}

/// The supernet at `checkpoint`, which has the weights of all of the workspace's space.
fn supernet(workspace: &Workspace, checkpoint: &Path) -> Result<Supernet> {
    let weights = load_weights(checkpoint, &workspace.device)?;
    workspace.check_weights(&weights, checkpoint)?;
    check_supernet(&weights, &workspace.config)
        .and_then(|()| weights.supernet.weights(&workspace.space.supernet()).map(|_| ()))
        .map_err(|error| error.at(checkpoint.display()))?;
    Ok(weights.supernet)
}

/// Tells of a SuperNet of the run that is still to be trained on.
fn warn_of_unfinished(workspace: &Workspace, checkpoint: &Path) {
    let (folder, wanted) = (workspace.run.supernet(), workspace.config.train.max_updates);
    if checkpoint.parent() == Some(&folder)
        && let Some(done) = trained_updates(&folder).filter(|&done| done < wanted)
    {
        tracing::warn!(
            "{}: trained for {done} of {wanted} updates; once it has learnt more, these trials count no longer",
            folder.display()
        );
    }
}

/// What candidates can be limited or compared by before they are measured.
fn costs(workspace: &Workspace) -> Result<Costs> {
    let mut costs = counted_costs(&workspace.config)?;
    if let Some(profile) = latency_profile(&workspace.config)? {
        tell_of_profile(workspace, &profile)?;
        costs.extend([Arc::new(profile) as Arc<dyn Cost>]);
    }
    Ok(costs)
}

/// Whether the search does not go on with what is in the log `trials`.
fn begins_anew(earlier: EarlierTrials, record: &SearchRecord, trials: &Path) -> Result<bool> {
    Ok(match earlier {
        EarlierTrials::GoOn => !has_begun(trials),
        EarlierTrials::PutAsideIfStale => !has_begun(trials) || record.is_stale(trials)?,
        EarlierTrials::PutAsideIfOther => !has_begun(trials) || record.is_other(trials)?,
        EarlierTrials::Remove => true,
    })
}

/// Makes room for other trials.
fn clear(trials: &Path, earlier: EarlierTrials) -> Result<()> {
    if earlier == EarlierTrials::Remove || !has_begun(trials) {
        return remove(trials);
    }
    let aside = put_aside(trials)?;
    let or = if earlier == EarlierTrials::PutAsideIfOther { ", or by other settings" } else { "" };
    tracing::warn!(
        "{}: these trials were measured with other weights than the SuperNet's{or}, and are now {}; searching anew",
        trials.display(),
        aside.display()
    );
    Ok(())
}

/// That `weights` are a SuperNet's, whose attentions have the width that costs are counted with, and that architectures alone are
/// trained with.
pub(super) fn check_supernet(weights: &Weights, config: &Config) -> Result<()> {
    weights.check_shared()?;
    let (found, configured) = (weights.supernet.config.qkv_dim, config.model.qkv_dim);
    match found == configured {
        true => Ok(()),
        false => Err(Error::input(format!(
            "its attentions have {found} features, the config model.qkv_dim = {configured}; take another run directory \
             and --set model.qkv_dim={found}"
        ))),
    }
}

/// Finds out before a long training whether the search after it has anything to find where latency is measured, with weights
/// that are not trained yet.
///
/// # Errors
/// Limits that nothing in the space keeps.
pub(super) fn check_measured(workspace: &Workspace) -> Result<()> {
    let config = &workspace.config;
    if !config.search.measures_latency() || has_begun(&workspace.run.trials()) {
        return Ok(());
    }
    let sharing = of_config(&config.train)?;
    let supernet = Supernet::init(workspace.supernet_config(), sharing, config.seed, &workspace.device);
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
