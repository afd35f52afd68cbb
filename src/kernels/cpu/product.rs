//! Products of activations with a weight, in the precision that the weight is held in.

use super::bfloat16::{self, Element, Left, Path};
use super::matrix::{Matrix, is_parallel};
use super::panels::Panels;
use burn::backend::flex::FlexTensor;
use burn::tensor::DType;
use half::bf16;

/// A product that is to be computed; the result is row-major, in single precision.
#[derive(Debug, Clone, Copy)]
pub enum Product<'a> {
    /// In single precision.
    Float32(Matrix<'a>, Matrix<'a>),
    /// In bfloat16, of a right factor that is held in it.
    Bfloat16(Matrix<'a>, Matrix<'a, bf16>),
    /// In bfloat16, of two factors that are rounded for it.
    Rounded(Matrix<'a>, Matrix<'a>),
    /// `x Wᵀ`, as the panels have the weight.
    Panels(Matrix<'a>, &'a Panels),
}

/// A weight `[output, input]` as a model in training holds it.
#[derive(Debug, Clone, Copy)]
pub enum Weight<'a> {
    /// In single precision.
    Float32(Matrix<'a>),
    /// In bfloat16, and so are all products with it.
    Bfloat16(Matrix<'a, bf16>),
}

impl<'a> Weight<'a> {
    /// A tensor of rank 2.
    pub fn of(tensor: &'a FlexTensor) -> Self {
        match tensor.dtype() {
            DType::BF16 => Self::Bfloat16(Matrix::of_bfloat16(tensor)),
            _ => Self::Float32(Matrix::of(tensor)),
        }
    }

    /// Outputs and inputs.
    pub fn dims(self) -> [usize; 2] {
        match self {
            Self::Float32(weight) => weight.dims(),
            Self::Bfloat16(weight) => weight.dims(),
        }
    }

    /// `x Wᵀ`
    pub fn output<'x>(self, x: Matrix<'x>) -> Product<'x>
    where
        'a: 'x,
    {
        match self {
            Self::Float32(weight) => Product::Float32(x, weight.transposed()),
            Self::Bfloat16(weight) => Product::Bfloat16(x, weight.transposed()),
        }
    }

    /// The gradient of x, from that of the output.
    pub fn input_gradient<'x>(self, gradient: Matrix<'x>) -> Product<'x>
    where
        'a: 'x,
    {
        match self {
            Self::Float32(weight) => Product::Float32(gradient, weight),
            Self::Bfloat16(weight) => Product::Bfloat16(gradient, weight),
        }
    }

    /// The weight's own gradient, from that of the output.
    pub fn gradient<'b>(self, gradient: Matrix<'b>, x: Matrix<'b>) -> Product<'b> {
        match self {
            Self::Float32(_) => Product::Float32(gradient.transposed(), x),
            Self::Bfloat16(_) => Product::Rounded(gradient.transposed(), x),
        }
    }
}

impl Product<'_> {
    /// Rows and columns of the result.
    pub fn dims(self) -> [usize; 2] {
        let (a, columns) = match self {
            Self::Float32(a, b) | Self::Rounded(a, b) => (a, b.dims()[1]),
            Self::Bfloat16(a, b) => (a, b.dims()[1]),
            Self::Panels(a, panels) => (a, panels.dims()[0]),
        };
        [a.dims()[0], columns]
    }

    /// Writes it over `out`.
    pub fn write(self, out: &mut [f32]) {
        assert_eq!(out.len(), self.elements(), "the result has its shape");
        // SAFETY: `out` has as many elements as the product.
        unsafe { self.multiply(out.as_mut_ptr(), false) }
    }

    /// Adds it to `out`.
    pub fn add_to(self, out: &mut [f32]) {
        assert_eq!(out.len(), self.elements(), "the result has its shape");
        // SAFETY: `out` has as many elements as the product.
        unsafe { self.multiply(out.as_mut_ptr(), true) }
    }

    /// The result.
    pub fn fresh(self) -> Vec<f32> {
        let mut out = Vec::new();
        self.refill(&mut out);
        out
    }

    /// Replaces what `out` holds by it. Its memory is used again and is not cleared first.
    pub fn refill(self, out: &mut Vec<f32>) {
        let count = self.elements();
        out.clear();
        out.reserve_exact(count);
        // SAFETY: there is room for `count` elements, and the product writes every one of them.
        unsafe {
            self.multiply(out.as_mut_ptr(), false);
            out.set_len(count);
        }
    }

    fn elements(self) -> usize {
        self.dims().iter().product()
    }

    /// # Safety
    /// `out` has room for the result; with `add` its elements hold numbers.
    unsafe fn multiply(self, out: *mut f32, add: bool) {
        // SAFETY: the caller answers for `out`.
        unsafe {
            match self {
                Self::Float32(a, b) => {
                    let parallelism = match is_parallel([a.dims()[0], a.dims()[1], b.dims()[1]]) {
                        true => gemm::Parallelism::Rayon(0),
                        false => gemm::Parallelism::None,
                    };
                    a.multiply(b, out, b.dims()[1], add, parallelism);
                }
                Self::Bfloat16(a, b) => multiply_rounded(out, add, a, b),
                Self::Rounded(a, b) => multiply_rounded(out, add, a, b),
                Self::Panels(a, panels) => panels.multiply(out, add, a),
            }
        }
    }
}

/// # Safety
/// As of [`Product::multiply`].
unsafe fn multiply_rounded<T: Element>(out: *mut f32, add: bool, a: Matrix, b: Matrix<T>) {
    let path = Path::best();
    let (left, right) = (Left::of(a, path), bfloat16::Panels::of(b, path));
    // SAFETY: the caller answers for `out`.
    unsafe { bfloat16::multiply(out, add, a.dims()[0], &left, &right, path) }
}
