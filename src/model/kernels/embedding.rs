//! The look-up's gradient.

use super::matrix::{Matrix, contiguous, whole};
use crate::text::PAD;
use burn::backend::Flex;
use burn::tensor::Tensor;

/// Adds to the rows `tokens` of `table` the gradient of `√d` times those rows; padding is a constant and has none.
///
/// # Shapes
/// - table: `[vocab, d or more]`
/// - gradient: `[tokens, d]`
pub fn add_rows(table: Tensor<2>, gradient: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
    let on_cpu = "the kernel is called on the CPU only";
    let mut table = whole(table.try_into_primitive::<Flex>().expect(on_cpu));
    let gradient = contiguous(gradient.try_into_primitive::<Flex>().expect(on_cpu));
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
