//! Everything random flows from the config's one seed, through named streams.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random stream for `purpose` (for example `"sample-architecture"`) at `index` (an update, an epoch, a candidate).
///
/// Streams are independent of each other and have no hidden position: what was drawn before does not matter, so a
/// resumed run draws what an unbroken one would have drawn.
pub fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    hasher.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ_by_seed_purpose_and_index() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        assert_eq!(draw(1, "a", 0), draw(1, "a", 0));
        for other in [draw(2, "a", 0), draw(1, "b", 0), draw(1, "a", 1)] {
            assert_ne!(draw(1, "a", 0), other);
        }
    }
}
