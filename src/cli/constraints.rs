//! The options that limit a search. Each replaces the key of the same name in the config's `[search]`.

use crate::catalog::{COSTS, CostRow, LATENCY_MS};
use crate::config::{Config, LatencySource};
use crate::error::{Error, Result};
use crate::pipeline::check_constraints;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::path::PathBuf;

/// What the winner of a search may cost; any of them together: an option for each cost of the catalog.
#[derive(Debug, Clone)]
pub(super) struct ConstraintArgs {
    /// Those that are given.
    limits: Vec<(&'static CostRow, f64)>,
    source: SourceArgs,
}

/// Where the latency comes from that is limited.
#[derive(Debug, Clone, Args)]
struct SourceArgs {
    /// Where latency comes from [default: predictor]
    #[arg(long, value_enum, value_name = "SOURCE")]
    latency: Option<LatencySource>,

    /// The device's profile that predicts latency, from automoe latency fit --out; implies --latency predictor
    #[arg(long, value_name = "FILE")]
    latency_profile: Option<PathBuf>,
}

impl Args for ConstraintArgs {
    fn augment_args(command: Command) -> Command {
        let heading = "Limits of the search (0: none; default: the config's [search])";
        COSTS.iter().fold(command.next_help_heading(heading), |command, row| {
            let command = command.arg(limit(row));
            if row.name == LATENCY_MS { SourceArgs::augment_args(command) } else { command }
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn limit(row: &'static CostRow) -> Arg {
    let option = Arg::new(row.option()).long(row.option()).value_name(row.value_name).help(row.documentation);
    option.value_parser(value_parser!(f64)).allow_negative_numbers(true)
}

impl FromArgMatches for ConstraintArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |row: &'static CostRow| Some((row, *matches.get_one(row.option().as_str())?));
        let limits = COSTS.iter().filter_map(given).collect();
        Ok(Self { limits, source: SourceArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl ConstraintArgs {
    /// Puts the options into `config`, and finds out whether its search then has anything to find.
    ///
    /// # Errors
    /// A limit that is no limit, a source of latency that is incomplete or not asked for, limits that nothing keeps.
    pub fn apply(self, config: &mut Config) -> Result<()> {
        let search = &mut config.search;
        for (row, limit) in self.limits {
            search.limits[row.name] = limit;
        }
        let SourceArgs { latency, latency_profile } = self.source;
        if let (Some(LatencySource::Measured), Some(profile)) = (latency, &latency_profile) {
            let message = format!("not used with --latency measured; leave out one of them ({})", profile.display());
            return Err(Error::input(message).at("--latency-profile"));
        }
        let profile_source = latency_profile.as_ref().map(|_| LatencySource::Predictor);
        let source = latency.or(profile_source);
        if source.is_some() && !search.asks_for(LATENCY_MS) {
            let option = if latency.is_some() { "--latency" } else { "--latency-profile" };
            return Err(Error::input("latency is neither limited nor an objective: give --max-latency-ms").at(option));
        }
        search.latency = source.unwrap_or(search.latency);
        if let Some(profile) = latency_profile {
            search.latency_profile = profile;
        }
        config.validate()?;
        check_constraints(config)
    }
}
