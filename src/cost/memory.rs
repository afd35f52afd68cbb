//! Bytes of weights, in single precision. Activations, which depend on the batch, are not in it.

use super::parameters::{Embeddings, parameters};
use crate::space::Architecture;

/// Bytes of one number.
pub(super) const BYTES: u64 = 4;

/// Bytes of all weights of `architecture`, embeddings and unused experts included. (On the CPU, decoding holds those of
/// linear maps once more, in the order it reads them.)
pub fn inference_bytes(architecture: &Architecture, qkv_dim: usize, embeddings: &Embeddings) -> u64 {
    let weights = parameters(architecture, qkv_dim).total + embeddings.parameters(architecture);
    BYTES * weights
}

/// An estimate of the bytes held while `subnet`, cut out of `supernet`, is trained: the supernet's weights and their two
/// moments, the subnet's copy of its weights and its gradients.
pub fn training_bytes(supernet: &Architecture, subnet: &Architecture, qkv_dim: usize, embeddings: &Embeddings) -> u64 {
    let of = |architecture| inference_bytes(architecture, qkv_dim, embeddings);
    3 * of(supernet) + 2 * of(subnet)
}
