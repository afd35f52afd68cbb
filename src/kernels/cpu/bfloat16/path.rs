//! Which instructions a product is made of.

/// One of the ways to compute a product. Both round and sum in the same order: their results are the same to the bit, but for
/// numbers below single precision's normal range (2⁻¹²⁶), which the instruction takes and gives as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// `vdpbf16ps`, on 16 lanes of two.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Portable; slower than a product in single precision.
    Plain,
}

impl Path {
    /// The fastest that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bf16")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
        {
            return Self::Avx512;
        }
        Self::Plain
    }
}
