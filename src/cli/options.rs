//! Options that several subcommands share.

use crate::config::{Config, Loaded};
use crate::device;
use crate::error::{Error, Result, listed};
use crate::interop::hat;
use crate::pipeline::{Workspace, follow, run_config};
use crate::world;
use burn::tensor::Device;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `--config` and `--set`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ConfigArgs {
    /// The config: a file (TOML, or a search space of HAT's as .yml), or the name of one that ships with the program
    #[arg(long, value_name = "CONFIG", default_value = "toy")]
    config: String,

    /// Replace a value of the config; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    pub(super) fn load(&self) -> Result<Config> {
        self.loaded().map(|loaded| loaded.config)
    }

    /// The settings with where each came from.
    pub(super) fn loaded(&self) -> Result<Loaded> {
        let path = Path::new(&self.config);
        if !path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            return Loaded::find(&self.config, &self.set);
        }
        let mut left = Vec::new();
        let convert = |text: &str| {
            let (config, others) = hat::space(text)?;
            left = others;
            Ok(config)
        };
        let loaded = Loaded::converted(path, convert, &self.set)?;
        if !left.is_empty() {
            let left = listed(&left, ", ");
            tracing::info!(
                "{}: the search space and [model] are taken, other settings are not: {left}",
                path.display()
            );
        }
        Ok(loaded)
    }

    /// The config of the run that `checkpoint` is in; without one, that of `--config`.
    pub(super) fn load_of(&self, checkpoint: Option<&Path>) -> Result<Config> {
        checkpoint.map_or_else(|| self.load(), |path| run_config(path, &self.set))
    }
}

/// The options of subcommands that work in a run directory.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    threads: ThreadArgs,

    /// Where results go [default: the config's run_dir]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

impl RunArgs {
    pub(super) fn config(&self) -> Result<Config> {
        let mut config = self.config.load()?;
        if let Some(run_dir) = &self.run_dir {
            if run_dir.to_str().is_none() {
                return Err(Error::input("its name is no UTF-8, as files of settings are")
                    .at(format!("--run-dir {}", run_dir.display())));
            }
            config.run_dir.clone_from(run_dir);
        }
        Ok(config)
    }

    /// Has everything that follows compute on as many threads as were asked for.
    pub(super) fn compute(&self) -> Result<()> {
        self.threads.apply()
    }

    pub(super) fn device(&self) -> Result<Device> {
        device::parse(&self.device.device)
    }

    /// Begins the subcommand `name`. Where several processes do one job it is the first that goes on, and reads what it was given;
    /// the others have done what it ordered when this returns `false`.
    pub(super) fn begin(&self, config: &Config, name: &str) -> Result<bool> {
        let world = world::world();
        let device = &self.device.device;
        let asked = format!("version {VERSION}\ncommand {name}\n--device {device}\n{}", config.to_toml()?);
        world::agree(world, "command, config or version", Ok(()), |()| asked.clone())?;
        world::has_agreed();
        self.threads.apply()?;
        match world.rank() {
            0 => Ok(true),
            _ => follow(world, device).map(|()| false),
        }
    }

    /// The workspace that the subcommand `created_by`, which has begun, works in.
    pub(super) fn open(&self, config: Config, created_by: &str, fresh: bool) -> Result<Workspace> {
        Workspace::open(config, &self.device.device, created_by, fresh)
    }
}

/// `--device`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DeviceArgs {
    /// Where to compute: cpu, gpu, vulkan, wgsl or cuda; a second card as gpu:1, that of a process's number on its machine as gpu:rank
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(super) device: String,
}

/// `--threads`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ThreadArgs {
    /// Threads that compute on the CPU [default: one for each core; of several processes on the same cores, their share of these]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadArgs {
    /// Has everything that follows compute on so many threads.
    pub(super) fn apply(&self) -> Result<()> {
        let shared = || world::world().place().threads();
        let Some(threads) = self.threads.map(usize::from).or_else(shared) else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|error| Error::failure(error).at("--threads"))
    }
}

/// The fraction that `--precision` gives as a percentage such as `1%`; more than 0 and less than 1. A number without the sign
/// could be meant either way.
pub(super) fn precision(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match percent.map(|percent| percent / 100.0) {
        Some(fraction) if fraction > 0.0 && fraction < 1.0 => Ok(fraction),
        _ => Err("expected a percentage with its sign, such as 1%, more than 0 % and less than 100 %".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precisions_are_percentages() {
        assert_eq!([precision("1%"), precision("2.5 %")], [Ok(0.01), Ok(0.025)]);
        for wrong in ["", "%", "0%", "1", "0.5", "100%", "NaN", "-1%", "a bit"] {
            assert!(precision(wrong).is_err(), "{wrong}");
        }
    }
}
