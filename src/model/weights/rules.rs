//! The rules of weight sharing by their names in the catalog.

use super::leading_slice::LeadingSlice;
use super::low_rank::Corrected;
use super::mixture::Mixture;
use super::sharing::{Corrections, Rule, WeightSharing};
use crate::catalog::{MAX_COPIES, MAX_CORRECTIONS, MAX_RANK, MIXTURE, SHARED, WEIGHT_SHARING};
use crate::config::{AdaptConfig, TrainConfig};
use crate::error::{Error, Result, listed};
use std::sync::Arc;

/// A rule, made anew with its settings.
type Make = fn(&Rule) -> Result<Arc<dyn WeightSharing>>;

/// What makes each rule of the catalog.
const RULES: [(&str, Make); 2] = [(SHARED, |_| Ok(Arc::new(LeadingSlice))), (MIXTURE, mixture)];

/// The rule that `rule` names, with its settings.
///
/// # Errors
/// There is none of this name, or it cannot be set so.
pub fn made(rule: &Rule) -> Result<Arc<dyn WeightSharing>> {
    let base = base(rule)?;
    let Some(corrections @ Corrections { rank, experts }) = rule.corrections else {
        return Ok(base);
    };
    match (rank, experts) {
        (1..=MAX_RANK, 1..=MAX_CORRECTIONS) => Ok(Arc::new(Corrected { base, corrections })),
        _ => Err(Error::input(format!(
            "{experts} corrections of rank {rank}: expected 1 to {MAX_CORRECTIONS}, of rank 1 to {MAX_RANK}"
        ))),
    }
}

/// The same without corrections.
fn base(rule: &Rule) -> Result<Arc<dyn WeightSharing>> {
    match RULES.iter().find(|(known, _)| *known == rule.name) {
        Some((_, make)) => make(rule),
        None => Err(Error::input(format!(
            "{:?} is no rule of weight sharing of this version, which knows: {}",
            rule.name,
            listed(&WEIGHT_SHARING, ", ")
        ))),
    }
}

/// The rule that `config` asks for.
///
/// # Errors
/// As [`made`].
pub fn of_config(config: &TrainConfig) -> Result<Arc<dyn WeightSharing>> {
    let name = config.weights.as_str();
    made(&Rule { copies: if name == MIXTURE { config.mixture } else { 0 }, ..Rule::named(name) })
}

/// The same for a supernet that is adapted.
///
/// # Errors
/// As [`made`].
pub fn of_adapted(
    config: &TrainConfig,
    &AdaptConfig { rank, experts, .. }: &AdaptConfig,
) -> Result<Arc<dyn WeightSharing>> {
    made(&Rule { corrections: Some(Corrections { rank, experts }), ..of_config(config)?.rule() })
}

fn mixture(rule: &Rule) -> Result<Arc<dyn WeightSharing>> {
    match rule.copies {
        copies @ 2..=MAX_COPIES => Ok(Arc::new(Mixture { copies })),
        copies => Err(Error::input(format!("a mixture of {copies} copies of weights: expected 2 to {MAX_COPIES}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_catalog_is_made_by_its_line() {
        assert!(RULES.iter().map(|(name, _)| *name).eq(WEIGHT_SHARING));
        for name in WEIGHT_SHARING {
            let rule = Rule { copies: if name == MIXTURE { 3 } else { 0 }, ..Rule::named(name) };
            assert_eq!(made(&rule).unwrap().rule(), rule);
            let adapted = Rule { corrections: Some(Corrections { rank: 8, experts: 2 }), ..rule };
            assert_eq!(made(&adapted).unwrap().rule(), adapted);
        }
    }

    #[test]
    fn another_name_or_setting_is_refused_in_one_line() {
        let refused = |rule: &Rule| {
            let error = made(rule).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        let message = r#""of\ntomorrow" is no rule of weight sharing of this version, which knows: shared, mixture"#;
        assert_eq!(refused(&Rule::named("of\ntomorrow")), message);
        for copies in [0, 1, 17, usize::MAX] {
            let message = refused(&Rule { copies, ..Rule::named(MIXTURE) });
            assert_eq!(message, format!("a mixture of {copies} copies of weights: expected 2 to 16"));
        }
        for (rank, experts) in [(0, 1), (1, 0), (257, 1), (1, 65)] {
            let message = refused(&Rule { corrections: Some(Corrections { rank, experts }), ..Rule::default() });
            let wanted = format!("{experts} corrections of rank {rank}: expected 1 to 64, of rank 1 to 256");
            assert_eq!(message, wanted);
        }
    }
}
