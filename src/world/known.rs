//! Whether all processes know of the error that ends them.

use crate::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

static KNOWN: AtomicBool = AtomicBool::new(false);

/// `error`, which all processes have found: rank 0 tells of it, and all take leave in peace.
pub fn known_to_all(error: Error) -> Error {
    KNOWN.store(true, Ordering::SeqCst);
    error
}

/// Whether what ends this process is known to all.
pub(super) fn is_known() -> bool {
    KNOWN.load(Ordering::SeqCst)
}
