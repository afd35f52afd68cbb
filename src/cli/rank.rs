//! `automoe rank`: how well SuperNets order architectures.

use super::options::RunArgs;
use super::{architectures, output};
use crate::config::Config;
use crate::error::Result;
use crate::pipeline::rank;
use crate::report::export::Text;
use crate::report::{Exporter, rank_tables};
use crate::run::Made;
use crate::run::checkpoints::resolve;
use std::io;
use std::path::PathBuf;

/// Train architectures alone, and tell how well SuperNets, FLOPs and parameters order them.
///
/// Kendall's τ with the validation losses of the architectures trained alone is told with a bootstrap interval: among all
/// pairs, among those of equal decoder depth, and among those of about equal FLOPs, where a search compares; besides, how
/// far the SuperNet's losses and BLEU are off, and what its first choice loses to the best architecture. The trainings are
/// kept in rank/ in the run directory, whichever SuperNets are compared, and none is done twice; an interrupted one goes on.
/// Prints JSON, and a table on standard error.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe rank --config toy
  automoe rank --config multi30k --band 0.05 --at 0.045 --set rank.max_updates=1300
  automoe rank --config multi30k --seeds 2 --checkpoint runs/a/supernet --checkpoint runs/b/supernet > rank.json
  jq -c .architecture runs/toy/search/trials.jsonl | head -20 | automoe rank --config toy --archs -")]
pub struct RankArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Architectures to draw and train alone [default: the config's rank.samples]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// Train the architectures in FILE (JSON, one a line; - for standard input) instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["samples", "band", "at"])]
    archs: Option<PathBuf>,

    /// A SuperNet to compare: a checkpoint, or a folder with one; may be given several times [default: the run's supernet/,
    /// where it has been trained]
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Vec<PathBuf>,

    /// Draw architectures within this fraction of --at, such as 0.05; else they are spread evenly over FLOPs
    #[arg(long, value_name = "FRACTION")]
    band: Option<f64>,

    /// GFLOPs in the middle of --band
    #[arg(long, value_name = "GFLOPS")]
    at: Option<f64>,

    /// Train the first rank.repeated architectures with so many seeds, to see how well trainings agree
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,
}

/// Trains, evaluates, and prints what was found.
///
/// # Errors
/// Unusable config, architectures or checkpoints; those of the trainings.
pub fn run(args: RankArgs) -> Result<()> {
    let mut config = args.run.config()?;
    args.apply(&mut config)?;
    if !args.run.begin(&config, "rank")? {
        return Ok(());
    }
    let given = args.archs.as_deref().map(|file| architectures::open(file, config.model.qkv_dim)?.collect());
    let given = given.transpose()?;
    let mut checkpoints = args.checkpoint;
    let own = config.run_dir.join("supernet");
    match (checkpoints.is_empty(), resolve(&own)) {
        (true, Ok(_)) => checkpoints.push(own),
        (true, Err(error)) => tracing::warn!("{error}; FLOPs and parameters alone are compared"),
        (false, _) => {}
    }
    checkpoints.iter().try_for_each(|path| resolve(path).map(|_| ()))?;
    let workspace = args.run.open(config, "rank", false)?;
    let ranking = workspace.carry_out(|workspace| rank(workspace, given, &checkpoints))?;
    workspace.run.keep_settings(Made::Other)?;
    tracing::info!("{}", Text.export(&rank_tables(&ranking.comparison)));
    output::json_pretty(&mut io::stdout().lock(), &ranking).map(|_| ())
}

impl RankArgs {
    /// Puts what was given into `config`.
    fn apply(&self, config: &mut Config) -> Result<()> {
        let settings = &mut config.rank;
        settings.samples = self.samples.unwrap_or(settings.samples);
        settings.band = self.band.unwrap_or(settings.band);
        settings.at = self.at.unwrap_or(settings.at);
        settings.seeds = self.seeds.unwrap_or(settings.seeds);
        config.validate()
    }
}
