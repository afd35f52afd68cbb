//! `automoe train`: the supernet, what it is adapted by, or one architecture.

use super::options::RunArgs;
use super::{architectures, output};
use crate::error::Result;
use crate::pipeline::{Speed, adapt_supernet, dry_run, scaling, train_architecture, train_supernet};
use crate::run::directory::check_model_name;
use crate::world;
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
  automoe train --config wmt14-en-de --dry-run --ranks 8 --link 25Gb
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

    /// Tell what an update takes by so many processes, and from how many on more of them pay no longer (docs/scale.md)
    #[arg(long, value_name = "N", requires = "dry_run", value_parser = clap::value_parser!(u16).range(1..=4096))]
    ranks: Option<u16>,

    /// The link of each of them, in bits a second
    #[arg(long, value_name = "SPEED", requires = "ranks", default_value = "25Gb", value_parser = link)]
    link: f64,

    /// The FLOPs a second of each of them, such as 60T [default: what --device has here]
    #[arg(long, value_name = "SPEED", requires = "ranks", value_parser = speed)]
    flops: Option<f64>,
}

/// The bits a second of a link such as `25Gb`.
fn link(text: &str) -> Result<f64, String> {
    let bits = text.strip_suffix("/s").unwrap_or(text).strip_suffix('b').ok_or(LINK);
    bits.and_then(|bits| scaled(bits).ok_or(LINK)).map_err(str::to_owned)
}

fn speed(text: &str) -> Result<f64, String> {
    scaled(text).ok_or_else(|| "expected FLOPs a second with their unit, such as 500G or 60T".to_owned())
}

const LINK: &str = "expected bits a second with their unit, such as 100Mb or 25Gb";

/// A positive number with the unit M, G or T.
fn scaled(text: &str) -> Option<f64> {
    let unit = [('M', 1e6), ('G', 1e9), ('T', 1e12)].into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    let number: f64 = text[..text.len() - 1].parse().ok()?;
    (number > 0.0 && number.is_finite()).then_some(number * unit.1)
}

/// Trains, and prints a summary.
///
/// # Errors
/// Unusable config, architecture or data; results that cannot be written.
pub fn run(args: TrainArgs) -> Result<()> {
    let config = args.run.config()?;
    if args.dry_run {
        if world::is_follower() {
            return Ok(());
        }
        args.run.compute()?;
        let mut needs = dry_run(&config)?;
        if let Some(ranks) = args.ranks {
            let speed = args.flops.map_or_else(|| args.run.device().map(Speed::Of), |speed| Ok(Speed::Given(speed)))?;
            needs.scaling = Some(scaling(&config, ranks.into(), args.link, &speed)?);
        }
        return output::json_pretty(&mut io::stdout().lock(), &needs).map(|_| ());
    }
    check_model_name(&args.name)?;
    if !args.run.begin(&config, "train")? {
        return Ok(());
    }
    let architecture = args.arch.as_ref().map(|file| architectures::single(file, config.model.qkv_dim)).transpose()?;
    if let Some(architecture) = &architecture {
        architectures::warn_outside(architecture, &config)?;
    }
    let workspace = args.run.open(config, "train", args.fresh)?;
    let outcome = workspace.carry_out(|workspace| match (architecture, args.adapt) {
        (None, None) => train_supernet(workspace),
        (None, Some(checkpoint)) => adapt_supernet(workspace, checkpoint.as_deref()),
        (Some(architecture), _) => {
            let inherit = args.inherit.map(|path| path.unwrap_or_else(|| workspace.run.supernet()));
            let shape = workspace.transformer_config(architecture, &workspace.space.supernet());
            train_architecture(workspace, &args.name, &shape, inherit.as_deref())
        }
    })?;
    let summary = json!({"updates": outcome.updates, "best_loss": outcome.best});
    output::json_line(&mut io::stdout().lock(), &summary).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_speeds_have_units() {
        assert_eq!([link("25Gb"), link("1.5Tb/s"), link("100Mb")], [Ok(25e9), Ok(1.5e12), Ok(1e8)]);
        assert_eq!([speed("60T"), speed("0.5G")], [Ok(6e13), Ok(5e8)]);
        for wrong in ["", "b", "Gb", "25", "25G", "25GB", "0Gb", "-1Gb", "NaNGb", "1e999Gb", "é", "2éb"] {
            assert!(link(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "T", "60", "-1T", "é"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
