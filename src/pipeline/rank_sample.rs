//! The architectures that are ranked.

use super::constraints::counted_costs;
use crate::config::{Config, RankConfig};
use crate::cost::Constraint;
use crate::error::{Error, Result};
use crate::search::{Constraints, at_least, sample};
use crate::space::{Architecture, Space, spread};
use std::collections::HashSet;

/// As many architectures of `space` as `config` asks for: within its band of FLOPs, otherwise spread evenly over FLOPs. The first
/// ones do not depend on how many there are.
///
/// # Errors
/// The space, or the band, has fewer.
pub(super) fn drawn(config: &Config, space: &Space) -> Result<Vec<Architecture>> {
    let RankConfig { samples, band, at, .. } = config.rank;
    let gflops = counted_costs(config)?.get("gflops").expect("FLOPs are counted").clone();
    let (drawn, place) = if band > 0.0 {
        let [least, most] = [at * (1.0 - band), at * (1.0 + band)];
        let limits = vec![at_least(gflops.clone(), least), Constraint { cost: gflops, limit: most }];
        let constraints = Constraints { counted: limits, ..Constraints::default() };
        let drawn = sample(space, &constraints, config.seed).take(samples).collect();
        (
            drawn,
            format!("no other was found within {} % of {at} GFLOPs; ask for fewer, or for a wider band", 100.0 * band),
        )
    } else {
        let spread = spread(space, &|architecture| gflops.of(architecture), config.seed, samples.saturating_mul(2));
        // Genes may differ where models do not.
        let mut seen = HashSet::new();
        let drawn = spread.into_iter().filter(|drawn| seen.insert(drawn.clipped())).take(samples).collect::<Vec<_>>();
        (drawn, "the space has no more; ask for fewer".to_owned())
    };
    match drawn.len() {
        found if found < samples => {
            Err(Error::input(format!("{found} of {samples} architectures: {place}")).at("rank.samples"))
        }
        _ => Ok(drawn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(band: f64, at: f64, samples: usize) -> Config {
        let mut config = Config::load("toy").unwrap();
        config.rank = RankConfig { samples, band, at, ..RankConfig::default() };
        config
    }

    fn gflops(config: &Config, drawn: &[Architecture]) -> Vec<f64> {
        let costs = counted_costs(config).unwrap();
        drawn.iter().map(|architecture| costs.get("gflops").unwrap().of(architecture)).collect()
    }

    #[test]
    fn without_a_band_they_are_spread_and_with_one_within_it() {
        let whole = config(0.0, 0.0, 12);
        let space = whole.space().unwrap();
        let ends = gflops(&whole, &[space.smallest(), space.largest()]);
        let spread = drawn(&whole, &space).unwrap();
        let third = (ends[1] - ends[0]) / 3.0;
        for part in 0..3 {
            let low = ends[0] + f64::from(part) * third;
            let within = gflops(&whole, &spread).iter().filter(|&&flops| (low..=low + third).contains(&flops)).count();
            assert!(within >= 3, "{within} in third {part}");
        }
        let middle = (ends[0] + ends[1]) / 2.0;
        let narrow = config(0.05, middle, 12);
        let within = drawn(&narrow, &space).unwrap();
        assert!(gflops(&narrow, &within).iter().all(|flops| (flops / middle - 1.0).abs() <= 0.05 + 1e-12));
        assert_eq!(drawn(&config(0.05, middle, 5), &space).unwrap(), within[..5]);
        assert_eq!(drawn(&config(0.0, 0.0, 5), &space).unwrap(), spread[..5]);
    }

    #[test]
    fn a_band_that_has_too_few_is_told() {
        let empty = config(0.01, 5.0, 3);
        let error = drawn(&empty, &empty.space().unwrap()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().starts_with("rank.samples: 0 of 3 architectures: no other was found within 1 % of 5 "),
            "{error}"
        );
    }
}
