//! Token embeddings plus sinusoidal positions.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Id of the padding symbol.
pub const PAD: u32 = 1;
/// Longest sequence that has positions, in tokens.
pub const MAX_POSITIONS: usize = 1024;

/// `sqrt(d) · E[tokens] + P[positions]`, d the table's width. Padding takes its row as a constant: no gradient.
///
/// # Shapes
/// - table: `[vocab, d]`
/// - sinusoids: `[MAX_POSITIONS + 2, d]`
/// - tokens: `[batch, time]` row-major
/// - output: `[batch · time, d]`
pub(super) fn embed(
    table: Tensor<2>,
    sinusoids: &Tensor<2>,
    tokens: &[u32],
    position_ids: &[u32],
) -> Tensor<2> {
    let device = sinusoids.device();
    let scale = (table.dims()[1] as f64).sqrt();
    let mut rows = table.clone().select(0, ids(tokens, &device));
    if table.is_tracked() && tokens.contains(&PAD) {
        let real: Vec<f32> = tokens.iter().map(|&t| f32::from(u8::from(t != PAD))).collect();
        let real = Tensor::<2>::from_data(TensorData::new(real, [tokens.len(), 1]), &device);
        let pad_row = table.inner().slice([PAD as usize..PAD as usize + 1]);
        rows = rows * real.clone() + pad_row * (1.0 - real);
    }
    rows * scale + sinusoids.clone().select(0, ids(position_ids, &device))
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

/// The table P, `[MAX_POSITIONS + 2, dim]`: built for width `supernet_dim`, of which the first `dim` columns are kept.
/// With h = supernet_dim / 2: P[p, j] = sin(p · 10000^(-j / (h-1))) for j < h, the cosine of the same for j - h above.
pub(super) fn sinusoids(supernet_dim: usize, dim: usize, device: &Device) -> Tensor<2> {
    let half = supernet_dim / 2;
    let rows = MAX_POSITIONS + 2;
    let step = 10_000f64.ln() / (half.max(2) - 1) as f64;
    let mut table = vec![0.0f32; rows * dim];
    for (p, row) in table.chunks_exact_mut(dim).enumerate() {
        if p == PAD as usize {
            continue;
        }
        for (j, value) in row.iter_mut().enumerate().take(2 * half) {
            // The reference multiplies in single precision.
            let frequency = (-((j % half) as f64) * step).exp() as f32;
            let angle = p as f32 * frequency;
            *value = if j < half { angle.sin() } else { angle.cos() };
        }
    }
    Tensor::from_data(TensorData::new(table, [rows, dim]), device)
}

/// Ids as an index tensor, `[rows]`.
pub(super) fn ids(values: &[u32], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), device)
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
    fn sinusoids_of_a_narrower_stack_are_cut_from_the_supernet() {
        let device = Device::flex();
        let full = sinusoids(8, 8, &device);
        let cut = sinusoids(8, 6, &device);
        assert_eq!(full.clone().slice([0..50, 0..6]).into_data(), cut.slice([0..50, 0..6]).into_data());
        let row: Vec<f32> = full.slice([3..4, 0..8]).into_data().try_into_vec().unwrap();
        let second = 10_000f32.powf(-1.0 / 3.0);
        for (got, want) in [(row[0], 3f32.sin()), (row[1], (3.0 * second).sin()), (row[4], 3f32.cos())] {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn the_pad_row_is_used_but_gets_no_gradient() {
        let device = Device::flex();
        let table = Tensor::<2>::ones([4, 2], &device).autodiff().require_grad();
        let positions = sinusoids(2, 2, &device);
        let out = embed(table.clone(), &positions, &[PAD, 3], &[1, 2]);
        let first: Vec<f32> = out.clone().inner().into_data().try_into_vec().unwrap();
        assert!((first[0] - 2f32.sqrt()).abs() < 1e-6);
        let grads = out.sum().backward();
        let grad: Vec<f32> = table.grad(&grads).unwrap().into_data().try_into_vec().unwrap();
        assert_eq!(&grad[2..4], [0.0, 0.0]);
        assert!(grad[6] > 1.0);
    }
}
