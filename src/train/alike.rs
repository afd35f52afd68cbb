//! That all processes train the same weights.

use crate::error::{Error, Result};
use crate::model::Values;
use crate::world::{World, known_to_all};

/// Refuses to go on after `update` with `weights` that are not the same everywhere; together.
///
/// # Errors
/// They are not.
pub(super) fn check_alike(world: &dyn World, weights: &Values, update: usize) -> Result<()> {
    if world.size() == 1 {
        return Ok(());
    }
    let hashes = world.all_gather(hash(weights).as_bytes());
    match hashes.iter().position(|other| *other != hashes[0]) {
        None => Ok(()),
        Some(other) => Err(known_to_all(Error::failure(format!(
            "{} has other weights than rank 0 after update {update}: its machine computes otherwise, or wrongly; the same command \
             goes on from what was saved before",
            world.name(other)
        )))),
    }
}

/// Of all weights, bit for bit.
fn hash(weights: &Values) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for value in weights.values() {
        let bytes: Vec<u8> = value.to_vec().into_iter().flat_map(f32::to_le_bytes).collect();
        hasher.update(&bytes);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::world::threads::threads;
    use burn::tensor::Device;

    #[test]
    fn a_process_whose_weights_are_others_is_named_everywhere() {
        let check = |odd: f32| {
            threads(3, |world| {
                let last = if world.rank() == 1 { odd } else { 2.0 };
                let value = Value::from_vec(vec![1.0, last], &[2], &Device::flex());
                check_alike(world, &[("a".to_owned(), value)].into(), 7)
            })
        };
        assert_eq!(check(2.0), vec![Ok(()); 3]);
        let near = f32::from_bits(2f32.to_bits() + 1);
        for found in check(near) {
            let error = found.unwrap_err().to_string();
            assert!(error.starts_with("rank 1 (here) has other weights than rank 0 after update 7"), "{error}");
        }
    }
}
