//! The search phase.

use super::evaluator::SupernetEvaluator;
use super::workspace::Workspace;
use crate::cost::{Dimensions, Gflops};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::run::atomic;
use crate::run::checkpoints::resolve;
use crate::search::{Budget, Feasible, Search, Trial, TrialLog, algorithm, constraints};
use crate::train::{Validation, load_weights};
use std::path::Path;
use std::sync::Arc;

/// Searches with the weights of the supernet at `checkpoint` and returns the winner; every candidate goes to the trial log.
/// With `fresh` the log of an earlier search is removed first.
///
/// # Errors
/// No such checkpoint, or one of other data; constraints that nothing in the space satisfies; a log of another search.
pub fn search(workspace: &Workspace, checkpoint: &Path, fresh: bool) -> Result<Trial> {
    let settings = &workspace.config.search;
    let checkpoint = resolve(checkpoint)?;
    let gflops = Arc::new(Gflops(Dimensions::of(&workspace.config)?));
    let limits = constraints(settings, gflops.clone());
    let feasible = Feasible::check(&workspace.space, &limits, workspace.config.seed)?;
    let weights = load_weights(&checkpoint, &workspace.device)?;
    workspace.check_weights(&weights, &checkpoint)?;
    weights.supernet.cut(&workspace.space.supernet(), false).map_err(|error| error.at(checkpoint.display()))?;
    let evaluator = SupernetEvaluator {
        supernet: weights.supernet,
        validation: Validation::new(&workspace.prepared.valid, settings.max_tokens)?,
    };
    let trials = workspace.run.trials();
    if fresh && trials.exists() {
        std::fs::remove_file(&trials).map_err(|error| Error::failure(error).at(trials.display()))?;
    }
    tie_to_weights(&trials, &checkpoint)?;
    let mut log = TrialLog::open(&trials, &workspace.space)?;
    let mut algorithm = algorithm(settings, &feasible, workspace.config.seed);
    let search = Search { settings, feasible: &feasible, gflops: gflops.as_ref(), costs: &[] };
    let total = Budget::new(settings).total();
    let bar = Progress::bar(total, "candidates", "searching");
    let known = log.trials().len();
    if known > 0 {
        tracing::info!("searching: going on after {known} trials");
    }
    let mut generation = 0;
    let winner = search.run(&evaluator, algorithm.as_mut(), &mut log, &mut |progress| {
        bar.set_position(progress.done);
        if let Some(best) = progress.best
            && progress.trial.generation > generation
            && !progress.resumed
        {
            generation = progress.trial.generation;
            let loss = best.loss.unwrap_or(f64::NAN);
            tracing::info!(
                "searching: generation {generation}: best loss so far {loss:.4} at {:.4} GFLOPs",
                best.gflops
            );
        }
        if let Some(best) = progress.best {
            bar.set_message(format!(
                "searching: generation {}, best loss {:.4} at {:.4} GFLOPs",
                progress.trial.generation,
                best.loss.unwrap_or(f64::NAN),
                best.gflops
            ));
        }
    })?;
    bar.finish();
    let text = serde_json::to_string(&winner.architecture).map_err(Error::failure)?;
    atomic::write(&workspace.run.winner(), format!("{text}\n").as_bytes())?;
    Ok(winner)
}

/// Finds out before a long training whether the search after it can be done at all.
///
/// # Errors
/// Limits that nothing in the space keeps; validation pairs that are longer than the search's batches.
pub(super) fn check_search(workspace: &Workspace) -> Result<()> {
    let gflops = Arc::new(Gflops(Dimensions::of(&workspace.config)?));
    let limits = constraints(&workspace.config.search, gflops);
    Feasible::check(&workspace.space, &limits, workspace.config.seed)?;
    let max_tokens = workspace.config.search.max_tokens;
    Validation::new(&workspace.prepared.valid, max_tokens)
        .map_err(|error| error.at("search.max_tokens, validation set"))?;
    Ok(())
}

/// Remembers beside the log `trials` which weights measured them, and refuses to go on with others.
fn tie_to_weights(trials: &Path, checkpoint: &Path) -> Result<()> {
    let failure = |path: &Path, error: std::io::Error| Error::failure(error).at(path.display());
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(checkpoint).map_err(|error| failure(checkpoint, error))?;
    hasher.update_reader(file).map_err(|error| failure(checkpoint, error))?;
    let weights = hasher.finalize().to_hex().to_string();
    let record = trials.with_file_name("weights.blake3");
    let begun = trials.metadata().is_ok_and(|metadata| metadata.len() > 0);
    if begun && std::fs::read_to_string(&record).is_ok_and(|recorded| recorded.trim() != weights) {
        return Err(Error::input("these trials were measured with other weights; automoe search --fresh removes them")
            .at(trials.display()));
    }
    atomic::write(&record, format!("{weights}\n").as_bytes())
}
