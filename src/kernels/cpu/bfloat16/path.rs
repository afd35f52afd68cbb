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

    /// Whether it is faster than a product in single precision. On Intel's processors it takes up to twice as long
    /// (docs/performance.md), so slow is their `vdpbf16ps`.
    pub fn is_fast(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => !is_of_intel(std::arch::x86_64::__cpuid(0)),
            Self::Plain => false,
        }
    }
}

/// Whether leaf 0 of `cpuid` is that of a processor by Intel.
#[cfg(target_arch = "x86_64")]
fn is_of_intel(leaf: std::arch::x86_64::CpuidResult) -> bool {
    let name = [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes);
    name.as_flattened() == b"GenuineIntel"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_processor_is_known_by_its_makers_name() {
        // ebx, edx, ecx of leaf 0, as the makers' manuals give them.
        let of = |[ebx, edx, ecx]: [u32; 3]| is_of_intel(std::arch::x86_64::CpuidResult { eax: 0, ebx, ecx, edx });
        assert!(of([0x756e_6547, 0x4965_6e69, 0x6c65_746e]));
        assert!(!of([0x6874_7541, 0x6974_6e65, 0x444d_4163]), "AMD's");
    }

    #[test]
    fn the_portable_path_is_never_fast() {
        assert!(!Path::Plain.is_fast());
    }
}
