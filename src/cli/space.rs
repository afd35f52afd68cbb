//! `automoe space`: the search space, and architectures from it.

use super::options::ConfigArgs;
use super::ranges::RangeArgs;
use super::{architectures, output};
use crate::error::{Error, Result};
use crate::pipeline::sample_within;
use crate::seed;
use crate::space::{Architecture, Space};
use std::io;
use std::path::PathBuf;

/// Describe the search space, draw architectures from it, or check some against it.
///
/// Without an option: the genes, their choices and dependencies, and the number of architectures, as JSON.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe space --config wmt14-en-de
  automoe space --config toy --sample 100 | automoe cost --config toy --arch - | jq .gflops
  automoe space --config toy --sample 20 --min-parameters 0.1 --max-parameters 0.11
  automoe space --config space0.yml
  automoe space --config toy --check winner.json")]
pub struct SpaceArgs {
    #[command(flatten)]
    config: ConfigArgs,

    #[command(flatten)]
    what: What,

    /// Seed of --sample [default: the config's]
    #[arg(long, value_name = "S", requires = "sample")]
    seed: Option<u64>,

    #[command(flatten)]
    ranges: RangeArgs,
}

#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
struct What {
    /// Print N random architectures, a JSON object a line
    #[arg(long, value_name = "N")]
    sample: Option<u64>,

    /// Print the architecture with the largest value of every gene
    #[arg(long)]
    largest: bool,

    /// Print the architecture with the smallest value of every gene
    #[arg(long)]
    smallest: bool,

    /// Check the architectures in FILE (- for standard input): a line for each fault, exit code 2 if there is any
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,

    /// Print a JSON Schema of the architectures
    #[arg(long)]
    schema: bool,
}

/// Prints what `args` ask for.
///
/// # Errors
/// An unusable config; architectures that are not in the space.
pub fn run(args: SpaceArgs) -> Result<()> {
    let config = args.config.load()?;
    let space = config.space()?;
    let mut out = io::stdout().lock();
    let What { sample, largest, smallest, check, schema } = args.what;
    if let Some(count) = sample {
        let seed = args.seed.unwrap_or(config.seed);
        let ranges = args.ranges.checked()?;
        if !ranges.is_empty() {
            let profile = args.ranges.latency_profile.as_deref();
            let print = |architecture: &Architecture| output::json_line(&mut out, architecture);
            return sample_within(&config, ranges, profile, (count, seed), print);
        }
        for index in 0..count {
            let architecture = space.sample(&mut seed::stream(seed, "sample", index));
            if !output::json_line(&mut out, &architecture)? {
                break;
            }
        }
        return Ok(());
    }
    if let Some(file) = check {
        return self::check(&space, architectures::open(&file, config.model.qkv_dim)?, &mut out);
    }
    let printed = match (largest, smallest, schema) {
        (true, _, _) => output::json_line(&mut out, &space.largest()),
        (_, true, _) => output::json_line(&mut out, &space.smallest()),
        (_, _, true) => output::json_pretty(&mut out, &space.schema()),
        _ => output::json_pretty(&mut out, &space.description()),
    };
    printed.map(|_| ())
}

fn check(
    space: &Space,
    architectures: impl Iterator<Item = Result<Architecture>>,
    out: &mut impl io::Write,
) -> Result<()> {
    let (mut checked, mut wrong) = (0u64, 0u64);
    for architecture in architectures {
        checked += 1;
        let Err(faults) = space.contains(&architecture?) else { continue };
        wrong += 1;
        for fault in faults {
            if !output::write(out, &format!("architecture {checked}: {fault}\n"))? {
                return Ok(());
            }
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Error::input(format!("{wrong} of {checked} architectures are not in the space"))),
    }
}
