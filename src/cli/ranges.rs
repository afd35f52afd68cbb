//! The options that `space --sample` keeps to: the most and the least of each cost of the catalog.

use crate::catalog::{COSTS, CostRow};
use crate::error::{Error, Result};
use crate::pipeline::Range;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::path::PathBuf;

/// What drawn architectures may cost, and the profile that predicts their latency.
#[derive(Debug, Clone)]
pub(super) struct RangeArgs {
    ranges: Vec<Range>,
    /// From `automoe latency fit --out`.
    pub latency_profile: Option<PathBuf>,
}

impl RangeArgs {
    /// The costs that are limited.
    ///
    /// # Errors
    /// A limit that no figure has, or none between two.
    pub fn checked(&self) -> Result<&[Range]> {
        for range in &self.ranges {
            let [most, least] = options(range.cost);
            for (option, limit) in [(&most, range.most), (&least, range.least)] {
                if limit.is_some_and(|limit| !limit.is_finite() || limit < 0.0) {
                    return Err(Error::input("expected a number, 0 or more").at(format!("--{option}")));
                }
            }
            if let (Some(most_value), Some(least_value)) = (range.most, range.least)
                && most_value < least_value
            {
                let message = format!("{least_value} is more than --{most} {most_value}");
                return Err(Error::input(message).at(format!("--{least}")));
            }
        }
        Ok(&self.ranges)
    }
}

/// The options of the most and of the least of a cost, such as `max-gflops` and `min-gflops`.
fn options(row: &CostRow) -> [String; 2] {
    [row.option(), row.option().replacen("max", "min", 1)]
}

impl Args for RangeArgs {
    fn augment_args(command: Command) -> Command {
        let number = |option: String, row: &CostRow, help: String| {
            let arg = Arg::new(option.clone()).long(option).value_name(row.value_name).help(help).requires("sample");
            arg.value_parser(value_parser!(f64)).allow_negative_numbers(true)
        };
        let command = command.next_help_heading("Limits of --sample (each architecture is another model then)");
        let command = COSTS.iter().fold(command, |command, row| {
            let [most, least] = options(row);
            let at_least = format!("The least of what --{most} limits");
            command.arg(number(most, row, row.documentation.to_owned())).arg(number(least, row, at_least))
        });
        let profile = Arg::new("latency-profile").long("latency-profile").value_name("FILE").requires("sample");
        let help = "The device's profile that predicts latency, from automoe latency fit --out";
        command.arg(profile.help(help).value_parser(value_parser!(PathBuf)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RangeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = COSTS.iter().map(|cost| {
            let [most, least] = options(cost);
            Range {
                cost,
                most: matches.get_one(most.as_str()).copied(),
                least: matches.get_one(least.as_str()).copied(),
            }
        });
        let ranges = given.filter(|range| range.most.is_some() || range.least.is_some()).collect();
        Ok(Self { ranges, latency_profile: matches.get_one("latency-profile").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
