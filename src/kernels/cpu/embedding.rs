//! The look-up of tokens and positions, and its gradient.

use super::matrix::{Matrix, contiguous, primitive, tensor, whole};
use crate::text::PAD;
use burn::backend::Flex;
use burn::tensor::Tensor;

/// `√d · table[tokens] + sinusoids[positions]`, without gradients; only the rows that are looked up are read.
///
/// # Shapes
/// - table: `[vocab, d]`
/// - sinusoids: `[positions, d]`
/// - output: `[tokens, d]`
pub fn look_up(table: Tensor<2>, sinusoids: Tensor<2>, tokens: &[u32], positions: &[u32]) -> Tensor<2> {
    let [table, sinusoids] = [table, sinusoids].map(|tensor| contiguous(primitive(tensor)));
    let (table, sinusoids) = (Matrix::of(&table), Matrix::of(&sinusoids));
    let width = table.dims()[1];
    let scale = (width as f32).sqrt();
    let mut out = vec![0.0; tokens.len() * width];
    let rows = out.chunks_exact_mut(width).zip(tokens).zip(positions);
    for ((out, &token), &position) in rows {
        let values = table.row(token as usize).iter().zip(sinusoids.row(position as usize));
        out.iter_mut().zip(values).for_each(|(out, (x, position))| *out = x * scale + position);
    }
    Tensor::from_primitive::<Flex>(tensor(out, [tokens.len(), width]))
}

/// Adds to the rows `tokens` of `table` the gradient of `√d` times those rows; padding is a constant and has none.
///
/// # Shapes
/// - table: `[vocab, d or more]`
/// - gradient: `[tokens, d]`
pub fn add_rows(table: Tensor<2>, gradient: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    let (mut table, gradient) = (whole(primitive(table)), contiguous(primitive(gradient)));
    let gradient = Matrix::of(&gradient);
    let columns = table.layout().shape()[1];
    let scale = (gradient.dims()[1] as f32).sqrt();
    let rows = table.storage_mut::<f32>();
    for (index, &token) in tokens.iter().enumerate().filter(|(_, token)| **token != PAD) {
        let row = rows[token as usize * columns..].iter_mut().zip(gradient.row(index));
        row.for_each(|(sum, g)| *sum += g * scale);
    }
    Tensor::from_primitive::<Flex>(table)
}
