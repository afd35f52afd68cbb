//! Token embeddings plus sinusoidal positions.

use super::config::TransformerConfig;
use crate::text::PAD;
use burn::tensor::{Device, Tensor, TensorData};

/// Longest sequence that has positions, in tokens.
pub const MAX_POSITIONS: usize = 1024;

/// The positions of a supernet, made once: those of its subnets are leading columns.
#[derive(Debug, Clone)]
pub struct Positions {
    /// `[MAX_POSITIONS + 2, encoder embed]`
    pub(super) encoder: Tensor<2>,
    /// `[MAX_POSITIONS + 2, decoder embed]`
    pub(super) decoder: Tensor<2>,
}

impl Positions {
    /// Those of the widths that `config` names as its supernet's.
    pub(super) fn new(config: &TransformerConfig, device: &Device) -> Self {
        Self {
            encoder: sinusoids(config.encoder_supernet_dim, device),
            decoder: sinusoids(config.decoder_supernet_dim, device),
        }
    }

    /// Stands in where only the shapes of parameters are asked for.
    pub(super) fn absent(device: &Device) -> Self {
        let none = Tensor::zeros([1, 1], device);
        Self { encoder: none.clone(), decoder: none }
    }
}

/// The first columns of a table, all of them where it has no more.
pub(super) fn leading_columns(table: Tensor<2>, columns: usize) -> Tensor<2> {
    let [rows, width] = table.dims();
    if width <= columns { table } else { table.slice([0..rows, 0..columns]) }
}

/// Position numbers of `[batch, time]` tokens: those that are not padding count from 2; padding has position 1.
pub(super) fn position_ids(tokens: &[u32], time: usize) -> Vec<u32> {
    let mut positions = Vec::with_capacity(tokens.len());
    for row in tokens.chunks_exact(time) {
        let mut position = PAD;
        positions.extend(row.iter().map(|&token| {
            if token == PAD {
                return PAD;
            }
            position += 1;
            position
        }));
    }
    positions
}

/// The table P, `[MAX_POSITIONS + 2, dim]`. With h = dim / 2: P[p, j] = sin(p · 10000^(-j / (h-1))) for j < h, the cosine
/// of the same for j - h above.
fn sinusoids(dim: usize, device: &Device) -> Tensor<2> {
    let half = dim / 2;
    let rows = MAX_POSITIONS + 2;
    let step = 10_000f64.ln() / (half.max(2) - 1) as f64;
    // The reference multiplies in single precision.
    let frequencies: Vec<f32> = (0..half).map(|j| (-(j as f64) * step).exp() as f32).collect();
    let mut table = vec![0.0f32; rows * dim];
    for (p, row) in table.chunks_exact_mut(dim).enumerate().filter(|(p, _)| *p != PAD as usize) {
        for (j, frequency) in frequencies.iter().enumerate() {
            let angle = p as f32 * frequency;
            (row[j], row[half + j]) = (angle.sin(), angle.cos());
        }
    }
    Tensor::from_data(TensorData::new(table, [rows, dim]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_skip_padding_on_either_side() {
        let tokens = [1, 1, 9, 8, 2, 7, 2, 1, 1, 1];
        assert_eq!(position_ids(&tokens, 5), [1, 1, 2, 3, 4, 2, 3, 1, 1, 1]);
    }

    #[test]
    fn sinusoids_are_sines_then_cosines_and_a_narrower_stack_has_the_first_columns() {
        let full = sinusoids(8, &Device::flex());
        let row: Vec<f32> = full.clone().slice([3..4, 0..8]).into_data().try_into_vec().unwrap();
        let second = 10_000f32.powf(-1.0 / 3.0);
        for (got, want) in [(row[0], 3f32.sin()), (row[1], (3.0 * second).sin()), (row[4], 3f32.cos())] {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        let cut: Vec<f32> = leading_columns(full, 6).slice([3..4, 0..6]).into_data().try_into_vec().unwrap();
        assert_eq!(cut, row[..6]);
    }
}
