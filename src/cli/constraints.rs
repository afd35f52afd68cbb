//! The options that limit a search. Each replaces the key of the same name in the config's `[search]`.

use crate::config::{Config, LatencySource};
use crate::error::{Error, Result};
use crate::pipeline::check_constraints;
use std::path::PathBuf;

/// What the winner of a search may cost; any of them together.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits of the search (0: none; default: the config's [search])")]
pub(super) struct ConstraintArgs {
    /// Largest FLOPs in units of 10⁹, the output projection left out
    #[arg(long, value_name = "F", allow_negative_numbers = true)]
    max_gflops: Option<f64>,

    /// Longest latency of one sentence in milliseconds, encoder and decoder together
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    max_latency_ms: Option<f64>,

    /// Where latency comes from [default: predictor]
    #[arg(long, value_enum, value_name = "SOURCE")]
    latency: Option<LatencySource>,

    /// The device's profile that predicts latency, from automoe latency fit --out; implies --latency predictor
    #[arg(long, value_name = "FILE")]
    latency_profile: Option<PathBuf>,

    /// Most parameters in millions, all experts, embeddings left out
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    max_parameters: Option<f64>,

    /// Most parameters in millions that a token passes, embeddings left out
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    max_active_parameters: Option<f64>,

    /// Most memory of all weights in 10⁶ bytes, embeddings included
    #[arg(long, value_name = "MB", allow_negative_numbers = true)]
    max_memory_mb: Option<f64>,
}

impl ConstraintArgs {
    /// Puts the options into `config`, and finds out whether its search then has anything to find.
    ///
    /// # Errors
    /// A limit that is no limit, a source of latency that is incomplete or not asked for, limits that nothing keeps.
    pub fn apply(self, config: &mut Config) -> Result<()> {
        let search = &mut config.search;
        let limits = [
            (self.max_gflops, &mut search.max_gflops),
            (self.max_latency_ms, &mut search.max_latency_ms),
            (self.max_parameters, &mut search.max_parameters),
            (self.max_active_parameters, &mut search.max_active_parameters),
            (self.max_memory_mb, &mut search.max_memory_mb),
        ];
        for (given, limit) in limits {
            *limit = given.unwrap_or(*limit);
        }
        if let (Some(LatencySource::Measured), Some(profile)) = (self.latency, &self.latency_profile) {
            let message = format!("not used with --latency measured; leave out one of them ({})", profile.display());
            return Err(Error::input(message).at("--latency-profile"));
        }
        let profile_source = self.latency_profile.as_ref().map(|_| LatencySource::Predictor);
        let source = self.latency.or(profile_source);
        if source.is_some() && search.max_latency_ms == 0.0 {
            let option = if self.latency.is_some() { "--latency" } else { "--latency-profile" };
            return Err(Error::input("there is no limit on latency: give --max-latency-ms").at(option));
        }
        search.latency = source.unwrap_or(search.latency);
        if let Some(profile) = self.latency_profile {
            search.latency_profile = profile;
        }
        config.validate()?;
        check_constraints(config)
    }
}
