//! What factors may be made of.

use half::bf16;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A number that is rounded to bfloat16 before it is multiplied.
pub trait Element: Copy + Send + Sync + 'static {
    /// Rounded to nearest even. What is not a number stays so.
    fn rounded(self) -> bf16;

    /// The elements of which `mask` has a bit set, rounded; zeros in place of the others.
    ///
    /// # Safety
    /// `from` points to those elements; the processor has AVX-512's instructions for bfloat16.
    #[cfg(target_arch = "x86_64")]
    unsafe fn load(from: *const Self, mask: u16) -> __m256i;
}

impl Element for f32 {
    fn rounded(self) -> bf16 {
        bf16::from_f32(self)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
    unsafe fn load(from: *const Self, mask: u16) -> __m256i {
        // SAFETY: the masked elements are there; both types are 256 bits of any value.
        unsafe { std::mem::transmute(_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, from))) }
    }
}

impl Element for bf16 {
    fn rounded(self) -> bf16 {
        self
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
    unsafe fn load(from: *const Self, mask: u16) -> __m256i {
        // SAFETY: the masked elements are there.
        unsafe { _mm256_maskz_loadu_epi16(mask, from.cast()) }
    }
}
