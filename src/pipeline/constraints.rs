//! The constraints of a search, from the config, and whether they can be kept at all.

use super::latency_data::conditions;
use super::workspace::{dimensions, vocabularies};
use crate::catalog::LATENCY_MS;
use crate::config::{Config, Precision};
use crate::cost::{Basis, Cost, Costs};
use crate::error::{Error, Result};
use crate::latency::{LatencyProfile, Prediction};
use crate::search::{Constraints, Feasible};
use crate::space::Architecture;
use std::sync::Arc;

/// Finds out, by the config alone, whether its search has anything to find; what has to be measured is left out.
///
/// # Errors
/// Limits that nothing in the space keeps, with the nearest figures; a latency profile that cannot be used.
pub fn check_constraints(config: &Config) -> Result<()> {
    let space = config.space()?;
    let mut costs = counted_costs(config)?;
    costs.extend(latency_profile(config)?.map(|profile| Arc::new(profile) as Arc<dyn Cost>));
    Feasible::check(&space, &Constraints::new(&config.search, &costs), config.seed).map(|_| ())
}

/// The costs of `config`'s models that are counted.
///
/// # Errors
/// Sizes that no model can have.
pub(super) fn counted_costs(config: &Config) -> Result<Costs> {
    Ok(Costs::counted(&Basis::of(config, vocabularies(config))?))
}

/// The profile that predicts latency, where the search of `config` limits it by one.
///
/// # Errors
/// There is none, or it cannot be used.
pub(super) fn latency_profile(config: &Config) -> Result<Option<LatencyProfile>> {
    let settings = &config.search;
    if !settings.predicts_latency() {
        return Ok(None);
    }
    if settings.latency_profile.as_os_str().is_empty() {
        let message = "needs a device's profile to predict latency with: set search.latency_profile (--latency-profile), or \
                       search.latency = \"measured\" (--latency measured)";
        let key = if settings.limits[LATENCY_MS] > 0.0 { "search.max_latency_ms" } else { "search.objectives" };
        return Err(Error::input(message).at(key));
    }
    LatencyProfile::read(&settings.latency_profile).map(Some)
}

/// Tells of predictions that go beyond what `profile` was fitted to.
pub struct Extrapolations<'a> {
    profile: &'a LatencyProfile,
    /// Architectures that were predicted.
    predicted: u64,
    /// Of these, those unlike the ones that were measured.
    beyond: u64,
}

impl<'a> Extrapolations<'a> {
    /// Nothing predicted yet.
    pub fn of(profile: &'a LatencyProfile) -> Self {
        Self { profile, predicted: 0, beyond: 0 }
    }

    /// The prediction for `architecture`.
    pub fn predict(&mut self, architecture: &Architecture) -> Prediction {
        let prediction = self.profile.predict(architecture);
        self.predicted += 1;
        self.beyond += u64::from(!prediction.beyond_data.is_empty());
        prediction
    }

    /// Says of how many predictions it is so, where there are any.
    pub fn tell(&self) {
        let Self { predicted, beyond, .. } = self;
        if *beyond > 0 {
            tracing::warn!(
                "{beyond} of {predicted} architectures are unlike those that the profile was fitted to (beyond_data of latency \
                 predict says in what): do not rely on their figures"
            );
        }
    }
}

/// Tells where the models of `config` are others than those that `profile` was fitted to, or that this is not known.
///
/// # Errors
/// Sizes that no model can have.
pub fn compare_with_profile(config: &Config, profile: &LatencyProfile) -> Result<()> {
    if profile.range.is_none() {
        tracing::warn!(
            "the profile does not tell which architectures it was made for, nor whether this config's are like them"
        );
    }
    if let Some(measured) = &profile.conditions {
        let dimensions = dimensions(config, vocabularies(config))?;
        let mut here = conditions(config, &dimensions, &measured.device);
        if here.compute_type == Precision::Auto {
            // What the profile's device is known to do.
            here.compute_type = measured.compute_type;
        }
        let differences = measured.differences(&here);
        if !differences.is_empty() {
            tracing::warn!("the latency profile was measured with {differences} as in this config");
        }
    } else if profile.range.is_some() {
        tracing::warn!(
            "the profile does not tell the sentence length, beam and vocabulary that it was measured with, nor whether this \
             config's are the same"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LatencySource, ObjectiveName};

    #[test]
    fn latency_that_nothing_predicts_is_named_by_what_asks_for_it() {
        let mut config = Config::load("toy").unwrap();
        assert_eq!(latency_profile(&config), Ok(None));
        config.search.objectives.push(ObjectiveName::new(LATENCY_MS).unwrap());
        let message = |config: &Config| latency_profile(config).unwrap_err().to_string();
        assert!(message(&config).starts_with("search.objectives: needs a device's profile"));
        config.search.limits[LATENCY_MS] = 9.0;
        assert!(message(&config).starts_with("search.max_latency_ms: needs a device's profile"));
        config.search.latency = LatencySource::Measured;
        assert_eq!(latency_profile(&config), Ok(None));
    }
}
