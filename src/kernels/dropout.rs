//! Dropout whose masks depend on a seed and on nothing else: not on threads, nor on what was drawn before a resume.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

/// Elements that one task fills: small enough to stay in the cache.
const BLOCK: usize = 16 * 1024;

/// The masks of one forward pass.
#[derive(Debug)]
pub struct Dropout {
    seed: u64,
    /// Masks drawn so far in this pass.
    drawn: u32,
}

/// One mask: which elements are dropped, by their number, and the factor of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    key: u32,
    /// An element is kept where its hash is at least this.
    threshold: u32,
    /// 1 / (1 - rate)
    kept: f32,
}

impl Dropout {
    /// Before the first mask of the pass that `seed` belongs to.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next mask. It zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
    pub fn mask(&mut self, rate: f64) -> Mask {
        self.drawn += 1;
        Mask::new(rate, stream_key(self.seed, self.drawn))
    }
}

impl Mask {
    /// Nothing is dropped.
    pub const NONE: Self = Self { key: 0, threshold: 0, kept: 1.0 };

    fn new(rate: f64, key: u32) -> Self {
        let threshold = (rate.min(1.0) * f64::from(u32::MAX)) as u32;
        let kept = if rate < 1.0 { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
        Self { key, threshold, kept }
    }

    /// Whether nothing is dropped.
    pub fn is_none(self) -> bool {
        self.threshold == 0
    }

    /// The factor of elements that are not dropped.
    pub fn kept(self) -> f32 {
        self.kept
    }

    /// What elements' numbers are hashed with.
    #[cfg(feature = "gpu")]
    pub(super) fn key(self) -> u32 {
        self.key
    }

    /// Elements whose hash is below it are dropped.
    #[cfg(feature = "gpu")]
    pub(super) fn threshold(self) -> u32 {
        self.threshold
    }

    /// The factor of element `index`: 0 where it is dropped. Integer arithmetic alone decides: any instruction set gives
    /// the same bits.
    #[inline(always)]
    pub fn factor(self, index: u32) -> f32 {
        let mut x = index.wrapping_mul(0x9E37_79B1) ^ self.key;
        x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
        x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        x ^= x >> 16;
        if x >= self.threshold { self.kept } else { 0.0 }
    }

    /// Multiplies all elements by their factors.
    pub fn multiply(self, elements: &mut [f32]) {
        elements.par_chunks_mut(BLOCK).enumerate().for_each(|(block, chunk)| {
            multiply_block(chunk, (block * BLOCK) as u32, self);
        });
    }

    /// The same for a tensor, on any device, as differentiable operators.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        if self.is_none() {
            return x;
        }
        let shape = x.dims();
        let mut mask = vec![1.0f32; shape.iter().product()];
        self.multiply(&mut mask);
        x.clone() * Tensor::from_data(TensorData::new(mask, shape), &x.device())
    }
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
fn multiply_block(chunk: &mut [f32], start: u32, mask: Mask) {
    for (i, value) in chunk.iter_mut().enumerate() {
        *value *= mask.factor(start.wrapping_add(i as u32));
    }
}

/// Mixes the pass's seed and the mask's number into the key of its counter-based stream.
fn stream_key(seed: u64, drawn: u32) -> u32 {
    let mut z = seed.wrapping_add(u64::from(drawn).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(mask: Mask, count: usize) -> Vec<f32> {
        let mut elements = vec![1.0; count];
        mask.multiply(&mut elements);
        elements
    }

    #[test]
    fn keeps_the_right_share_scaled_to_the_same_mean() {
        let mask = drawn(Dropout::new(7).mask(0.3), 200_000);
        let kept = mask.iter().filter(|&&m| m > 0.0).count() as f64 / mask.len() as f64;
        assert!((kept - 0.7).abs() < 0.005, "kept {kept}");
        assert!(mask.iter().all(|&m| m == 0.0 || (m - 1.0 / 0.7).abs() < 1e-6));
    }

    #[test]
    fn masks_repeat_by_seed_and_differ_from_site_to_site() {
        let draw = |seed: u64, skip: u32| drawn(Dropout { seed, drawn: skip }.mask(0.5), 2000);
        assert_eq!(draw(3, 0), draw(3, 0));
        assert_ne!(draw(3, 0), draw(3, 1));
        assert_ne!(draw(3, 0), draw(4, 0));
    }

    #[test]
    fn rate_one_drops_everything() {
        assert!(drawn(Dropout::new(5).mask(1.0), 1000).iter().all(|&m| m == 0.0));
    }
}
