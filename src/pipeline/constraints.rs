//! The constraints of a search, from the config, and whether they can be kept at all.

use super::latency::MeasuredLatency;
use super::workspace::vocabularies;
use crate::config::{Config, LatencySource};
use crate::cost::latency::LatencyProfile;
use crate::cost::{ActiveParameters, Cost, Dimensions, Embeddings, Gflops, MemoryMb, TotalParameters};
use crate::error::Result;
use crate::search::{Constraints, Costs, Feasible};
use std::sync::Arc;

/// Finds out, by the config alone, whether its search has anything to find; what has to be measured is left out.
///
/// # Errors
/// Limits that nothing in the space keeps, with the nearest figures; a latency profile that cannot be used.
pub fn check_constraints(config: &Config) -> Result<()> {
    let space = config.space()?;
    Feasible::check(&space, &constraints(config, None)?, config.seed).map(|_| ())
}

/// The constraints of `config`, where `measured` measures latency if that is to be done; without it, there is no limit on
/// measured latency.
///
/// # Errors
/// A latency profile that cannot be used.
pub(super) fn constraints(config: &Config, measured: Option<MeasuredLatency>) -> Result<Constraints> {
    let settings = &config.search;
    let dimensions = Dimensions::of(config)?;
    let qkv_dim = dimensions.qkv_dim;
    let latency: Option<Arc<dyn Cost>> = match settings.latency {
        LatencySource::Measured => measured.map(|cost| Arc::new(cost) as Arc<dyn Cost>),
        LatencySource::Predictor => latency_profile(config)?.map(|profile| Arc::new(profile) as Arc<dyn Cost>),
    };
    let costs = Costs {
        gflops: Arc::new(Gflops(dimensions)),
        parameters: Arc::new(TotalParameters { qkv_dim }),
        active_parameters: Arc::new(ActiveParameters { qkv_dim }),
        memory_mb: Arc::new(MemoryMb { qkv_dim, embeddings: Embeddings::of(config, vocabularies(config)) }),
        latency,
    };
    Ok(Constraints::new(settings, costs))
}

/// The profile that predicts latency, where the search of `config` limits it by one.
///
/// # Errors
/// It cannot be used.
pub(super) fn latency_profile(config: &Config) -> Result<Option<LatencyProfile>> {
    let settings = &config.search;
    let predicts = settings.max_latency_ms > 0.0 && settings.latency == LatencySource::Predictor;
    predicts.then(|| LatencyProfile::read(&settings.latency_profile)).transpose()
}

/// Whether the search of `config` measures latency.
pub(super) fn measures_latency(config: &Config) -> bool {
    config.search.max_latency_ms > 0.0 && config.search.latency == LatencySource::Measured
}
