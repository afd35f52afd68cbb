//! Where parallel work starts.

/// Runs `work` on a thread of rayon's pool. Each parallel part that another thread starts costs two switches between
/// threads, tens of microseconds, which small models feel: an update of one has hundreds of such parts.
pub fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
