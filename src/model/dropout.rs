//! Dropout whose masks depend on a seed and on nothing else: not on threads, nor on what was drawn before a resume.

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use rayon::prelude::*;

/// Elements that one task fills: small enough to stay in the cache.
const BLOCK: usize = 16 * 1024;

/// The masks of one forward pass.
#[derive(Debug)]
pub(super) struct Dropout {
    seed: u64,
    /// Masks drawn so far in this pass.
    drawn: u32,
}

/// The rates of one stack, scaled to its width.
#[derive(Debug, Clone, Copy, Default)]
pub struct DropoutRates {
    /// After the embeddings and after each sublayer.
    pub sublayer: f64,
    /// After the encoder's self-attention: the unscaled rate (a peculiarity of the reference).
    pub self_attention: f64,
    /// On attention weights: unscaled.
    pub attention_weights: f64,
    /// After the activation of a dense feed-forward network.
    pub activation: f64,
    /// After the activation inside an expert.
    pub expert_activation: f64,
    /// After a mixture-of-experts sublayer.
    pub expert_sublayer: f64,
}

impl Dropout {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).
    pub(super) fn forward<const D: usize>(&mut self, x: Tensor<D>, rate: f64) -> Tensor<D> {
        let mask = self.mask(x.dims(), rate, &x.device().inner());
        x * mask
    }

    fn mask<const D: usize>(&mut self, shape: [usize; D], rate: f64, device: &Device) -> Tensor<D> {
        self.drawn += 1;
        if rate >= 1.0 {
            return Tensor::zeros(shape, device);
        }
        if super::device::is_cpu(device) {
            let mut mask = vec![0.0f32; shape.iter().product()];
            fill(&mut mask, rate, stream_key(self.seed, self.drawn));
            return Tensor::from_data(TensorData::new(mask, shape), device);
        }
        device.seed(u64::from(stream_key(self.seed, self.drawn)));
        Tensor::random(shape, Distribution::Bernoulli(1.0 - rate), device) / (1.0 - rate)
    }
}

/// Mixes the pass's seed and the mask's number into the key of its counter-based stream.
fn stream_key(seed: u64, drawn: u32) -> u32 {
    let mut z = seed.wrapping_add(u64::from(drawn).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 16) as u32
}

fn fill(mask: &mut [f32], rate: f64, key: u32) {
    let threshold = (rate.min(1.0) * f64::from(u32::MAX)) as u32;
    let keep = if rate < 1.0 { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
    mask.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, chunk)| fill_block(chunk, (block * BLOCK) as u32, threshold, keep, key));
}

/// Element i is kept where a hash of (key, i) is at least the threshold. Integer arithmetic alone: any instruction set
/// gives the same bits.
#[multiversion::multiversion(targets("x86_64+avx2", "aarch64+neon"))]
fn fill_block(chunk: &mut [f32], start: u32, threshold: u32, keep: f32, key: u32) {
    for (i, value) in chunk.iter_mut().enumerate() {
        let mut x = (start.wrapping_add(i as u32)).wrapping_mul(0x9E37_79B1) ^ key;
        x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
        x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
        x ^= x >> 16;
        *value = if x >= threshold { keep } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_right_share_scaled_to_the_same_mean() {
        let mut mask = vec![0.0; 200_000];
        fill(&mut mask, 0.3, stream_key(7, 1));
        let kept = mask.iter().filter(|&&m| m > 0.0).count() as f64 / mask.len() as f64;
        assert!((kept - 0.7).abs() < 0.005, "kept {kept}");
        assert!(mask.iter().all(|&m| m == 0.0 || (m - 1.0 / 0.7).abs() < 1e-6));
    }

    #[test]
    fn masks_repeat_by_seed_and_differ_from_site_to_site() {
        let device = Device::flex();
        let draw = |seed: u64, skip: u32| {
            let mut dropout = Dropout::new(seed);
            dropout.drawn = skip;
            let mask: Tensor<2> = dropout.mask([40, 50], 0.5, &device);
            mask.into_data().try_into_vec::<f32>().unwrap()
        };
        assert_eq!(draw(3, 0), draw(3, 0));
        assert_ne!(draw(3, 0), draw(3, 1));
        assert_ne!(draw(3, 0), draw(4, 0));
    }

    #[test]
    fn rate_one_drops_everything() {
        let mut mask = vec![1.0; 1000];
        fill(&mut mask, 1.0, 5);
        assert!(mask.iter().all(|&m| m == 0.0));
    }
}
