//! Weights in panels of outputs: what inference on the CPU reads.

use super::bfloat16::{self, Left};
use super::int8;
use super::matrix::{Matrix, contiguous, is_parallel};
use super::out::Out;
use burn::backend::flex::FlexTensor;
use burn::tensor::DType;
use rayon::prelude::*;
use std::sync::Arc;

/// Outputs of a panel. The product's innermost loop takes as many at a time with the widest instructions: it then reads a
/// panel from end to end. Decoding, where few rows meet every weight, is three times as fast as with whole rows of outputs.
const WIDTH: usize = 64;
/// Rows that a panel meets at a time: for more, gemm would first copy the panel, a tenth of the time at 80 rows.
const ROWS: usize = 48;
/// Inputs that gemm sums as one piece, pieces being added up; those of a row by itself it would sum in one go.
const INPUTS: usize = 512;

/// A weight `[output, input]`, cut into panels of outputs.
#[derive(Debug, Clone)]
pub struct Panels {
    packed: Packed,
    outputs: usize,
    inputs: usize,
}

/// The precisions that a weight can be held in.
#[derive(Debug, Clone)]
enum Packed {
    /// In a panel the elements of an input adjoin.
    Float32(Arc<[f32]>),
    Bfloat16(Arc<bfloat16::Panels>),
    Int8(Arc<int8::Panels>),
}

impl Panels {
    /// A copy of `weight`, of rank 2, in its precision. On one thread: it is made where other threads may wait for it.
    pub fn of(weight: FlexTensor) -> Self {
        let weight = contiguous(weight);
        let shape = weight.layout().shape();
        let (outputs, inputs) = (shape[0], shape[1]);
        let packed = match weight.dtype() {
            DType::BF16 => {
                let columns = Matrix::of_bfloat16(&weight).transposed();
                Packed::Bfloat16(Arc::new(bfloat16::Panels::on_one_thread(columns, bfloat16::Path::best())))
            }
            _ => Packed::Float32(in_panels(Matrix::of(&weight)).into()),
        };
        Self { packed, outputs, inputs }
    }

    /// A copy of `weight`, of rank 2 in single precision, in 8-bit integers.
    pub fn quantized(weight: FlexTensor) -> Self {
        let weight = Matrix::of(&weight);
        let [outputs, inputs] = weight.dims();
        Self { packed: Packed::Int8(Arc::new(int8::Panels::of(weight))), outputs, inputs }
    }

    /// Outputs and inputs.
    pub fn dims(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// Writes `x Wᵀ` to `out`, or adds it.
    ///
    /// # Safety
    /// `out` has room for a row-major `[x.rows, outputs]`; with `add` its elements hold numbers.
    pub(super) unsafe fn multiply(&self, out: *mut f32, add: bool, x: Matrix) {
        match &self.packed {
            // SAFETY: the caller answers for `out`.
            Packed::Float32(elements) => unsafe { self.multiply_float32(Out::new(out), add, x, elements) },
            Packed::Bfloat16(panels) => {
                let path = bfloat16::Path::best();
                // SAFETY: as above.
                unsafe { bfloat16::multiply(out, add, x.dims()[0], &Left::of(x, path), panels, path) }
            }
            // SAFETY: as above.
            Packed::Int8(panels) => unsafe {
                int8::multiply(out, add, &int8::Rows::of(x), panels, int8::Path::best());
            },
        }
    }

    /// # Safety
    /// As of [`Panels::multiply`].
    unsafe fn multiply_float32(&self, out: Out, add: bool, x: Matrix, elements: &[f32]) {
        let panel = |start: usize| {
            let pointer = out.pointer();
            let width = WIDTH.min(self.outputs - start);
            let elements = &elements[start * self.inputs..(start + width) * self.inputs];
            let elements = Matrix::new(elements, self.inputs, width);
            let [rows, _] = x.dims();
            for row in (0..rows).step_by(ROWS) {
                let x = x.rows(row, ROWS.min(rows - row));
                // SAFETY: these columns of the rows are this panel's alone, and there is room for them.
                unsafe {
                    let out = pointer.add(row * self.outputs + start);
                    match x.dims() {
                        [1, inputs] if inputs > INPUTS => multiply_row(x, elements, out, add),
                        _ => x.multiply(elements, out, self.outputs, add, gemm::Parallelism::None),
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

/// Writes `x panel` of one row to `out`, or adds it, with the bits that it has among others, so that nothing depends on how many
/// there are: it is multiplied twice.
///
/// # Safety
/// `out` has room for a row of the panel's outputs; with `add` they hold numbers.
unsafe fn multiply_row(x: Matrix, panel: Matrix, out: *mut f32, add: bool) {
    let width = panel.dims()[1];
    let mut twice = [0.0; 2 * WIDTH];
    // SAFETY: a panel has at most WIDTH outputs; the caller answers for `out`.
    unsafe {
        if add {
            twice.as_mut_ptr().copy_from_nonoverlapping(out, width);
        }
        x.twice().multiply(panel, twice.as_mut_ptr(), WIDTH, add, gemm::Parallelism::None);
        out.copy_from_nonoverlapping(twice.as_ptr(), width);
    }
}

/// The elements of `weight`, panel after panel.
fn in_panels(weight: Matrix) -> Vec<f32> {
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
    elements
}

#[cfg(test)]
mod tests {
    use super::super::forward::rounded;
    use super::super::matrix::tensor;
    use super::super::product::Product;
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
            let want = Product::Float32(x, Matrix::new(&weight, outputs, inputs).transposed()).fresh();
            assert_eq!(Product::Panels(x, &panels).fresh(), want);
            let mut out = vec![f32::NAN; want.len()];
            Product::Panels(x, &panels).write(&mut out);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn a_row_gives_the_same_bits_whatever_is_beside_it() {
        let mut random = crate::seed::stream(1, "test rows", 0);
        let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_range(-1.0..1.0)).collect() };
        for [outputs, inputs] in [[1, 5], [7, 64], [64, 512], [65, 700], [200, 1024], [96, 3072]] {
            let weight = tensor(numbers(outputs * inputs), [outputs, inputs]);
            let x = numbers(100 * inputs);
            for (precision, panels) in [
                ("float32", Panels::of(weight.clone())),
                ("bfloat16", Panels::of(rounded(weight.clone()))),
                ("int8", Panels::quantized(weight)),
            ] {
                let product = |x: &[f32]| Product::Panels(Matrix::new(x, x.len() / inputs, inputs), &panels).fresh();
                let alone: Vec<f32> = x.chunks_exact(inputs).flat_map(product).collect();
                for rows in [2, 3, 5, 16, 33, 48, 49, 50, 97, 100] {
                    let together = product(&x[..rows * inputs]);
                    let what = format!("{precision}: {rows} rows of {inputs} inputs, {outputs} outputs");
                    assert!(together == alone[..rows * outputs], "{what}");
                }
            }
        }
    }
}
