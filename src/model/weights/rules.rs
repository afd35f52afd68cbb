//! The rules of weight sharing by their names in the catalog.

use super::leading_slice::LeadingSlice;
use super::mixture::Mixture;
use super::sharing::{Rule, WeightSharing};
use crate::catalog::{MAX_COPIES, MIXTURE, SHARED, WEIGHT_SHARING};
use crate::config::TrainConfig;
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
    }
}
