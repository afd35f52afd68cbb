//! `automoe space --sample` under limits.

use super::constraints::{Extrapolations, compare_with_profile, counted_costs};
use crate::catalog::CostRow;
use crate::config::Config;
use crate::cost::{Constraint, Cost};
use crate::error::{Error, Result};
use crate::latency::LatencyProfile;
use crate::search::{Constraints, at_least, sample};
use crate::space::Architecture;
use std::path::Path;
use std::sync::Arc;

/// What one cost may be, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The cost.
    pub cost: &'static CostRow,
    /// The most, in the cost's unit.
    pub most: Option<f64>,
    /// The least.
    pub least: Option<f64>,
}

/// Calls `print` for `count` random architectures of `config`'s space within `ranges`, each another model, until it says that
/// nobody reads on. `profile` predicts latency, where that is limited.
///
/// # Errors
/// Fewer architectures than asked for, after those that were found; sizes that no model can have; latency without a profile, or
/// an unusable one; those of `print`.
pub fn sample_within(
    config: &Config,
    ranges: &[Range],
    profile: Option<&Path>,
    (count, seed): (u64, u64),
    mut print: impl FnMut(&Architecture) -> Result<bool>,
) -> Result<()> {
    let mut costs = counted_costs(config)?;
    let profile = profile.map(LatencyProfile::read).transpose()?.map(Arc::new);
    profile.as_ref().map_or(Ok(()), |profile| compare_with_profile(config, profile))?;
    costs.extend(profile.clone().map(|profile| profile as Arc<dyn Cost>));
    let (mut limits, mut demands) = (Vec::new(), Vec::new());
    for Range { cost: row, most, least } in ranges {
        let cost = costs.get(row.name).ok_or_else(|| {
            Error::input("latency is predicted here: give --latency-profile").at(format!("--{}", row.option()))
        })?;
        if let Some(limit) = *most {
            limits.push(Constraint { cost: cost.clone(), limit });
            demands.push(format!("{} ≤ {limit}", row.name));
        }
        if let Some(limit) = *least {
            limits.push(at_least(cost.clone(), limit));
            demands.push(format!("{} ≥ {limit}", row.name));
        }
    }
    let space = config.space()?;
    let mut extrapolations = profile.as_deref().map(Extrapolations::of);
    let mut found = 0;
    let constraints = Constraints { counted: limits, ..Constraints::default() };
    for architecture in sample(&space, &constraints, seed).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        found += 1;
        if let Some(extrapolations) = &mut extrapolations {
            extrapolations.predict(&architecture);
        }
        if !print(&architecture)? {
            return Ok(());
        }
    }
    if let Some(extrapolations) = extrapolations {
        extrapolations.tell();
    }
    if found == count {
        return Ok(());
    }
    let demands = demands.join(", ");
    Err(Error::input(format!(
        "{found} of {count} architectures: no other was found with {demands}; ask for fewer, or widen the limits or the space"
    )))
}
