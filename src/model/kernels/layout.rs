//! Weights by input instead of by output: what inference on the CPU reads.

use super::cpu::tensor;
use super::matrix::{Matrix, contiguous, primitive};
use burn::backend::Flex;
use burn::tensor::Tensor;
use rayon::prelude::*;

/// Rows and columns of the block that is turned at a time.
const BLOCK: usize = 32;

/// The same matrix `[output, input]` with the elements of an input adjoining, so that a product `x Wᵀ` need not turn it
/// first. In decoding, where few rows meet every weight, that is a fifth of the time.
pub fn by_input(weight: Tensor<2>) -> Tensor<2> {
    let weight = contiguous(primitive(weight));
    let weight = Matrix::of(&weight);
    let [outputs, inputs] = weight.dims();
    let mut turned = vec![0.0; outputs * inputs];
    turned.par_chunks_mut((BLOCK * outputs).max(1)).enumerate().for_each(|(block, turned)| {
        for start in (0..outputs).step_by(BLOCK) {
            for output in start..(start + BLOCK).min(outputs) {
                let values = &weight.row(output)[block * BLOCK..];
                turned.chunks_exact_mut(outputs).zip(values).for_each(|(line, &value)| line[output] = value);
            }
        }
    });
    Tensor::from_primitive::<Flex>(tensor(turned, [inputs, outputs]).transpose(0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn values_stay_where_they_were() {
        for shape in [[1, 1], [3, 70], [65, 33]] {
            let values: Vec<f32> = (0..shape[0] * shape[1]).map(|i| i as f32).collect();
            let turned = by_input(Tensor::from_data(TensorData::new(values.clone(), shape), &Device::flex()));
            assert_eq!(turned.dims(), shape);
            assert_eq!(turned.into_data().try_into_vec::<f32>().unwrap(), values);
        }
    }
}
