//! Weights in panels of outputs: what inference on the CPU reads.

use super::matrix::{Matrix, contiguous, is_parallel};
use burn::backend::flex::FlexTensor;
use rayon::prelude::*;
use std::sync::Arc;

/// Outputs of a panel. The product's innermost loop takes as many at a time with the widest instructions: it then reads a
/// panel from end to end. Decoding, where few rows meet every weight, is three times as fast as with whole rows of outputs.
const WIDTH: usize = 64;
/// Rows that a panel meets at a time: for more, gemm would first copy the panel, a tenth of the time at 80 rows.
const ROWS: usize = 48;
/// Inputs that gemm sums as one piece, pieces being added up; those of a row by itself it would sum in one go.
const INPUTS: usize = 512;

/// A weight `[output, input]`, cut into panels of outputs; in a panel the elements of an input adjoin.
#[derive(Debug, Clone)]
pub struct Panels {
    elements: Arc<[f32]>,
    outputs: usize,
    inputs: usize,
}

/// Where the rows of a product start; tasks write different columns of them.
#[derive(Clone, Copy)]
struct Out(*mut f32);

// SAFETY: whoever shares one writes elements that nobody else writes.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

impl Panels {
    /// A copy of `weight`, of rank 2. On one thread: it is made where other threads may wait for it.
    pub fn of(weight: FlexTensor) -> Self {
        let weight = contiguous(weight);
        let weight = Matrix::of(&weight);
        let [outputs, inputs] = weight.dims();
        let mut elements = vec![0.0; outputs * inputs];
        for start in (0..outputs).step_by(WIDTH) {
            let width = WIDTH.min(outputs - start);
            let panel = &mut elements[start * inputs..(start + width) * inputs];
            for output in 0..width {
                let places = panel[output..].iter_mut().step_by(width);
                places.zip(weight.row(start + output)).for_each(|(place, &value)| *place = value);
            }
        }
        Self { elements: elements.into(), outputs, inputs }
    }

    /// Outputs and inputs.
    pub fn dims(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// `x Wᵀ`, row-major.
    pub fn fresh_product(&self, x: Matrix) -> Vec<f32> {
        let count = x.dims()[0] * self.outputs;
        let mut out = Vec::with_capacity(count);
        // SAFETY: there is room for `count` elements, and the product writes every one of them.
        unsafe {
            self.multiply(Out(out.as_mut_ptr()), x);
            out.set_len(count);
        }
        out
    }

    /// `out = x Wᵀ`, row-major.
    pub fn product(&self, out: &mut [f32], x: Matrix) {
        assert_eq!(out.len(), x.dims()[0] * self.outputs, "the result has its shape");
        // SAFETY: `out` has as many elements as the product.
        unsafe { self.multiply(Out(out.as_mut_ptr()), x) }
    }

    /// # Safety
    /// `out` has room for a row-major `[x.rows, outputs]`.
    unsafe fn multiply(&self, out: Out, x: Matrix) {
        let panel = |start: usize| {
            // The whole of it: else the closure would take the pointer alone, which threads may not share.
            let Out(pointer) = { out };
            let width = WIDTH.min(self.outputs - start);
            let elements = &self.elements[start * self.inputs..(start + width) * self.inputs];
            let elements = Matrix::new(elements, self.inputs, width);
            let [rows, _] = x.dims();
            for row in (0..rows).step_by(ROWS) {
                let x = x.rows(row, ROWS.min(rows - row));
                // SAFETY: these columns of the rows are this panel's alone, and there is room for them.
                unsafe {
                    let out = pointer.add(row * self.outputs + start);
                    match x.dims() {
                        [1, inputs] if inputs > INPUTS => multiply_row(x, elements, out),
                        _ => x.multiply(elements, out, self.outputs, false, gemm::Parallelism::None),
                    }
                }
            }
        };
        match is_parallel([x.dims()[0], self.inputs, self.outputs]) {
            true => (0..self.outputs).into_par_iter().step_by(WIDTH).for_each(panel),
            false => (0..self.outputs).step_by(WIDTH).for_each(panel),
        }
    }
}

/// `out = x panel` of one row with the bits that it has among others, so that nothing depends on how many there are: it is
/// multiplied twice.
///
/// # Safety
/// `out` has room for a row of the panel's outputs.
unsafe fn multiply_row(x: Matrix, panel: Matrix, out: *mut f32) {
    let mut twice = [0.0; 2 * WIDTH];
    // SAFETY: a panel has at most WIDTH outputs; the caller answers for `out`.
    unsafe {
        x.twice().multiply(panel, twice.as_mut_ptr(), WIDTH, false, gemm::Parallelism::None);
        out.copy_from_nonoverlapping(twice.as_ptr(), panel.dims()[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{fresh_product, tensor};
    use super::*;
    use rand::RngExt;

    #[test]
    fn products_with_panels_are_products_with_the_weight() {
        for [rows, outputs, inputs] in [[1, 1, 1], [5, 63, 7], [3, 64, 20], [80, 200, 100], [0, 70, 3]] {
            let values = |count: usize| -> Vec<f32> { (0..count).map(|i| ((i * 37) % 11) as f32 - 5.0).collect() };
            let (x, weight) = (values(rows * inputs), values(outputs * inputs));
            let x = Matrix::new(&x, rows, inputs);
            let panels = Panels::of(tensor(weight.clone(), [outputs, inputs]));
            assert_eq!(panels.dims(), [outputs, inputs]);
            // Whole numbers: their sums are exact in any order.
            let want = fresh_product(x, Matrix::new(&weight, outputs, inputs).transposed());
            assert_eq!(panels.fresh_product(x), want);
            let mut out = vec![f32::NAN; want.len()];
            panels.product(&mut out, x);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_whatever_is_beside_it() {
        let mut random = crate::seed::stream(1, "test rows", 0);
        let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-1.0..1.0)).collect() };
        for [outputs, inputs] in [[1, 5], [7, 64], [64, 512], [65, 700], [200, 1024], [96, 3072]] {
            let panels = Panels::of(tensor(numbers(outputs * inputs), [outputs, inputs]));
            let x = numbers(100 * inputs);
            let alone: Vec<f32> =
                x.chunks_exact(inputs).flat_map(|row| panels.fresh_product(Matrix::new(row, 1, inputs))).collect();
            for rows in [2, 3, 5, 16, 33, 48, 49, 50, 97, 100] {
                let together = panels.fresh_product(Matrix::new(&x[..rows * inputs], rows, inputs));
                assert!(together == alone[..rows * outputs], "{rows} rows of {inputs} inputs, {outputs} outputs");
            }
        }
    }
}
