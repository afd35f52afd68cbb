//! The rules of weight sharing by the names of the catalog.

use super::leading_slice::LeadingSlice;
use super::sharing::WeightSharing;
use crate::error::{Error, Result};
use std::sync::Arc;

/// The rule that `name` stands for.
///
/// # Errors
/// There is none.
pub fn rule(name: &str) -> Result<Arc<dyn WeightSharing>> {
    match name {
        "shared" => Ok(Arc::new(LeadingSlice)),
        _ => Err(Error::input(format!("{name:?} is no rule of weight sharing of this version"))),
    }
}
