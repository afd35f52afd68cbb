//! What a bench has to do.

/// What a result needs at the least.
#[derive(Clone, Copy, Default)]
pub struct Work {
    /// Floating-point operations, a multiplication and an addition being two.
    pub flops: f64,
    /// Bytes of memory traffic that cannot be avoided.
    pub bytes: f64,
}
