//! The rules of weight sharing by their names in the catalog.

use super::leading_slice::LeadingSlice;
use super::sharing::WeightSharing;
use crate::catalog::WEIGHT_SHARING;
use crate::error::{Error, Result, listed};
use std::sync::Arc;

/// A rule, made anew.
type Make = fn() -> Arc<dyn WeightSharing>;

/// What makes each rule of the catalog.
const RULES: [(&str, Make); 1] = [("shared", || Arc::new(LeadingSlice))];

/// The rule that `name` stands for.
///
/// # Errors
/// There is none.
pub fn rule(name: &str) -> Result<Arc<dyn WeightSharing>> {
    match RULES.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => Ok(make()),
        None => Err(Error::input(format!(
            "{name:?} is no rule of weight sharing of this version, which knows: {}",
            listed(&WEIGHT_SHARING, ", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_catalog_is_made_by_its_line() {
        assert!(RULES.iter().map(|(name, _)| *name).eq(WEIGHT_SHARING));
        for name in WEIGHT_SHARING {
            assert_eq!(rule(name).unwrap().name(), name);
        }
    }

    #[test]
    fn another_name_is_refused_in_one_line() {
        let error = rule("of\ntomorrow").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = r#""of\ntomorrow" is no rule of weight sharing of this version, which knows: shared"#;
        assert_eq!(error.to_string(), message);
    }
}
