//! `automoe run --seeds N`: all phases with several seeds.

use super::whole::{Asked, run};
use super::workspace::Workspace;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::interrupt::Interruptible;
use crate::report::Repeated;
use crate::run::RunDirectory;

/// Runs every phase with as many seeds as are asked for, which follow one another: the config's in the workspace's run directory,
/// each other one in a run directory below it. What is finished is not done again. The run keeps mean and deviation.
///
/// # Errors
/// Those of the phases; a seed of more than 63 bits; [`Error::Interrupted`] after a signal between two seeds.
pub fn run_with_seeds(workspace: &Workspace, asked: &Asked) -> Result<Repeated> {
    let (first, count) = (workspace.config.seed, asked.seeds);
    let last = first.checked_add(count - 1).filter(|last| i64::try_from(*last).is_ok());
    let last =
        last.ok_or_else(|| Error::input(format!("{count} seeds from {first} on are more than 63 bits")).at("--seeds"))?;
    let seeds: Vec<u64> = (first..=last).collect();
    let config_of = |seed| Config { seed, run_dir: workspace.run.seed_beside(seed), ..workspace.config.clone() };
    for &seed in &seeds[1..] {
        let config = config_of(seed);
        RunDirectory::check(&config.run_dir, &config.to_toml()?).map_err(|error| error.at(format!("seed {seed}")))?;
    }
    let mut results = vec![run(workspace, asked)?];
    for &seed in &seeds[1..] {
        // It may have come while the last model was tested.
        if Interruptible::begin().was_interrupted() {
            return Err(Error::Interrupted(format!(
                "interrupted; {} of {} seeds are done, and the same command goes on from there",
                results.len(),
                seeds.len()
            )));
        }
        tracing::info!("seed {seed}, of {first} to {last}");
        let own = Workspace::open(config_of(seed), &workspace.device_name, "run", false)?;
        let alone = Asked { seeds: 1, ..asked.clone() };
        results.push(run(&own, &alone).map_err(|error| error.at(format!("seed {seed}")))?);
    }
    let repeated = Repeated::of(seeds, results);
    repeated.write(&workspace.run.seeds())?;
    asked.note(workspace, true)?;
    Ok(repeated)
}
