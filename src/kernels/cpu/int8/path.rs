//! Which instructions a product is made of.

/// One of the ways to compute a product. Results are the same to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// `vpdpbusd`, on 16 lanes of four.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Portable; slower than a product in single precision.
    Plain,
}

impl Path {
    /// The fastest that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512vnni") && std::arch::is_x86_feature_detected!("avx512bw") {
            return Self::Avx512;
        }
        Self::Plain
    }
}
