//! `automoe run --seeds N`: all phases with several seeds.

use super::whole::{Asked, run};
use super::workspace::Workspace;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::report::Repeated;

/// Runs every phase with as many seeds as are asked for, which follow one another: the config's in the workspace's run directory,
/// each other one in a run directory below it. What is finished is not done again. The run keeps mean and deviation.
///
/// # Errors
/// Those of the phases; a seed of more than 63 bits.
pub fn run_with_seeds(workspace: &Workspace, asked: &Asked) -> Result<Repeated> {
    let (first, count) = (workspace.config.seed, asked.seeds);
    let last = first.checked_add(count - 1).filter(|last| i64::try_from(*last).is_ok());
    let last =
        last.ok_or_else(|| Error::input(format!("{count} seeds from {first} on are more than 63 bits")).at("--seeds"))?;
    let seeds: Vec<u64> = (first..=last).collect();
    let mut results = vec![run(workspace, asked)?];
    for &seed in &seeds[1..] {
        tracing::info!("seed {seed}, of {first} to {last}");
        let config = Config { seed, run_dir: workspace.run.seed_beside(seed), ..workspace.config.clone() };
        let own = Workspace::open(config, &workspace.device_name, "run", false)?;
        let alone = Asked { seeds: 1, ..asked.clone() };
        results.push(run(&own, &alone).map_err(|error| error.at(format!("seed {seed}")))?);
    }
    let repeated = Repeated::of(seeds, results);
    repeated.write(&workspace.run.seeds())?;
    asked.note(workspace, true)?;
    Ok(repeated)
}
