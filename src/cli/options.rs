//! Options that several subcommands share.

use crate::config::Config;
use crate::error::Result;
use crate::pipeline::Workspace;
use std::path::PathBuf;

/// `--config` and `--set`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ConfigArgs {
    /// The config: a file, or the name of one that ships with the program
    #[arg(long, value_name = "CONFIG", default_value = "toy")]
    config: String,

    /// Replace a value of the config; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    pub(super) fn load(&self) -> Result<Config> {
        Config::load_with(&self.config, &self.set)
    }
}

/// The options of subcommands that work in a run directory.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    device: DeviceArgs,

    /// Where results go [default: the config's run_dir]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

impl RunArgs {
    pub(super) fn config(&self) -> Result<Config> {
        let mut config = self.config.load()?;
        if let Some(run_dir) = &self.run_dir {
            config.run_dir.clone_from(run_dir);
        }
        Ok(config)
    }

    pub(super) fn open(&self, config: Config, created_by: &str, fresh: bool) -> Result<Workspace> {
        Workspace::open(config, &self.device.device, created_by, fresh)
    }
}

/// `--device`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DeviceArgs {
    /// Where to compute: cpu, gpu, gpu:N, vulkan or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(super) device: String,
}
