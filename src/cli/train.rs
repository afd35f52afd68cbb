//! `automoe train`: the supernet, what it is adapted by, or one architecture.

use super::options::RunArgs;
use super::{architectures, output};
use crate::error::{Result, listed};
use crate::pipeline::{adapt_supernet, dry_run, train_architecture, train_supernet};
use crate::run::directory::check_model_name;
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// Train the SuperNet, or with --arch one architecture; --adapt trains corrections of a trained SuperNet.
///
/// An interrupted training goes on when the same command is given again; Ctrl-C and SIGTERM finish the update and save, a
/// second one ends at once. Checkpoints go to supernet/, adapted/ or models/NAME/ in the run directory. Prints the number of updates
/// and the best validation loss (bits per token) as JSON.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe train --config toy
  automoe train --config wmt14-en-de --device gpu
  automoe train --config wmt14-en-de --dry-run
  automoe train --config toy --adapt && automoe search --config toy --checkpoint runs/toy/adapted --fresh
  automoe search --config toy | automoe train --config toy --arch - --name winner")]
pub struct TrainArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Train this architecture (JSON, or HAT's YAML; - for standard input) instead of the SuperNet
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Name of the model that --arch trains
    #[arg(long, value_name = "NAME", default_value = "model", requires = "arch")]
    name: String,

    /// Start --arch from the SuperNet's weights, with the settings of [finetune]: a checkpoint, or a folder with one [default: the
    /// run's supernet/]
    #[arg(long, value_name = "CHECKPOINT", requires = "arch", num_args = 0..=1)]
    inherit: Option<Option<PathBuf>>,

    /// Train low-rank corrections ([adapt]) of a trained SuperNet, whose own weights stay as they are: a checkpoint, or a folder
    /// with one [default: the run's supernet/]
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["arch", "fresh", "dry_run"], num_args = 0..=1)]
    adapt: Option<Option<PathBuf>>,

    /// Remove everything that an earlier run left in the run directory
    #[arg(long, conflicts_with = "arch")]
    fresh: bool,

    /// Count the SuperNet's size (embeddings included) and its needs of memory and data, print them as JSON, and stop
    #[arg(long, conflicts_with_all = ["arch", "fresh"])]
    dry_run: bool,
}

/// Trains, and prints a summary.
///
/// # Errors
/// Unusable config, architecture or data; results that cannot be written.
pub fn run(args: TrainArgs) -> Result<()> {
    let config = args.run.config()?;
    if args.dry_run {
        return output::json_pretty(&mut io::stdout().lock(), &dry_run(&config)?).map(|_| ());
    }
    check_model_name(&args.name)?;
    let architecture = args.arch.as_ref().map(|file| architectures::single(file, config.model.qkv_dim)).transpose()?;
    if let Some(architecture) = &architecture
        && let Err(faults) = config.space()?.contains(architecture)
    {
        tracing::warn!("--arch is outside the config's space: {}", listed(&faults, "; "));
    }
    let Some(workspace) = args.run.open(config, "train", args.fresh)? else { return Ok(()) };
    let outcome = workspace.carry_out(|workspace| match (architecture, args.adapt) {
        (None, None) => train_supernet(workspace),
        (None, Some(checkpoint)) => adapt_supernet(workspace, checkpoint.as_deref()),
        (Some(architecture), _) => {
            let inherit = args.inherit.map(|path| path.unwrap_or_else(|| workspace.run.supernet()));
            let supernet = workspace.space.supernet();
            train_architecture(workspace, &args.name, &architecture, &supernet, inherit.as_deref())
        }
    })?;
    let summary = json!({"updates": outcome.updates, "best_loss": outcome.best});
    output::json_line(&mut io::stdout().lock(), &summary).map(|_| ())
}
