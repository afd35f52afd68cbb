//! `automoe run --seeds N`: all phases with several seeds.

use super::whole::{Asked, run};
use super::workspace::Workspace;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::report::Repeated;

/// Runs every phase with `count` seeds that follow one another: the config's in the workspace's run directory, each other one in a
/// run directory below it. What is finished is not done again.
///
/// # Errors
/// Those of the phases; a seed of more than 63 bits.
pub fn run_with_seeds(workspace: &Workspace, asked: &Asked, count: u64) -> Result<Repeated> {
    let first = workspace.config.seed;
    let last = first.checked_add(count - 1).filter(|last| i64::try_from(*last).is_ok());
    let last =
        last.ok_or_else(|| Error::input(format!("{count} seeds from {first} on are more than 63 bits")).at("--seeds"))?;
    let seeds: Vec<u64> = (first..=last).collect();
    let mut results = vec![run(workspace, asked)?];
    for &seed in &seeds[1..] {
        tracing::info!("seed {seed}, of {first} to {last}");
        let run_dir = workspace.run.seed_beside(seed);
        let config = Config { seed, run_dir, ..workspace.config.clone() };
        let own = Workspace::open(config, &workspace.device_name, "run", false)?;
        results.push(run(&own, asked).map_err(|error| error.at(format!("seed {seed}")))?);
    }
    Ok(Repeated::of(seeds, results))
}
