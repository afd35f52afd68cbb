//! Views of matrices, and their product.

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Tensor, TensorData};
use half::bf16;
use rayon::prelude::*;
use std::borrow::Cow;

/// Products of at least this many multiplications use all threads.
const PARALLEL_PRODUCT: usize = 96 * 96 * 96;
/// Elements that one task takes, about.
pub const PIECE: usize = 16 * 1024;
/// Rows that are summed as one piece; the pieces are added in order, so that threads change no bit.
const ROWS_A_PIECE: usize = 64;

/// A matrix in somebody's memory.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// `[rows, columns]`, row-major and without gaps.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "the elements fill the shape");
        Self { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The elements `data` of a tensor of rank 2, laid out as `layout` says.
    fn laid_out(data: &'a [T], layout: &Layout) -> Self {
        let (shape, strides) = (layout.shape(), layout.strides());
        assert!(strides.iter().all(|&stride| stride >= 0), "rows and columns run forwards");
        Self {
            data: &data[layout.start_offset()..],
            rows: shape[0],
            columns: shape[1],
            row_stride: strides[0] as usize,
            column_stride: strides[1] as usize,
        }
    }

    /// `count` rows from `start` on.
    pub fn rows(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.rows, "the rows are there");
        let begin = (start * self.row_stride).min(self.data.len());
        Self { data: &self.data[begin..], rows: count, ..self }
    }

    /// `count` columns from `start` on.
    pub fn columns(self, start: usize, count: usize) -> Self {
        self.transposed().rows(start, count).transposed()
    }

    /// A matrix of one row as one of two, the same row both times.
    pub fn twice(self) -> Self {
        assert_eq!(self.rows, 1, "there is one row");
        Self { rows: 2, row_stride: 0, ..self }
    }

    /// The matrix mirrored at its diagonal.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether the elements of a row adjoin.
    pub fn has_rows(&self) -> bool {
        self.column_stride == 1
    }

    /// Row `row`, whose elements adjoin.
    pub fn row(&self, row: usize) -> &'a [T] {
        debug_assert!(self.has_rows(), "the row is contiguous");
        &self.data[row * self.row_stride..row * self.row_stride + self.columns]
    }

    /// Row `row`, copied where its elements do not adjoin.
    pub fn row_values(&self, row: usize) -> Cow<'a, [T]>
    where
        T: Copy,
    {
        match self.has_rows() {
            true => Cow::Borrowed(self.row(row)),
            false => {
                (0..self.columns).map(|column| self.data[row * self.row_stride + column * self.column_stride]).collect()
            }
        }
    }

    /// Rows and columns.
    pub fn dims(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Index of the last element, and one more.
    fn extent(&self) -> usize {
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride + 1
    }
}

impl<'a> Matrix<'a> {
    /// A tensor of rank 2 in single precision. Its rows can be read where they are [`contiguous`]; products take any layout.
    pub fn of(tensor: &'a FlexTensor) -> Self {
        Self::laid_out(tensor.storage::<f32>(), tensor.layout())
    }

    /// Writes `self b` to `out`, or adds it, in rows that are `out_stride` apart.
    ///
    /// # Safety
    /// `out` has room for so many rows of as many elements as b has columns, which nobody else uses; with `add` they hold numbers.
    pub unsafe fn multiply(
        self,
        b: Matrix,
        out: *mut f32,
        out_stride: usize,
        add: bool,
        parallelism: gemm::Parallelism,
    ) {
        let (m, k, n) = (self.rows, self.columns, b.columns);
        assert_eq!(b.rows, k, "inner dimensions agree");
        if m * n == 0 {
            return;
        }
        let within = |matrix: &Matrix| matrix.extent() <= matrix.data.len();
        assert!(k > 0 && within(&self) && within(&b), "operands lie within their memory");
        // SAFETY: the strides address elements of both factors up to their extents only, checked above, and of `out` as far
        // as the caller answers for.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out,
                1,
                out_stride as isize,
                add,
                self.data.as_ptr(),
                self.column_stride as isize,
                self.row_stride as isize,
                b.data.as_ptr(),
                b.column_stride as isize,
                b.row_stride as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

impl<'a> Matrix<'a, bf16> {
    /// A tensor of rank 2 in bfloat16.
    pub fn of_bfloat16(tensor: &'a FlexTensor) -> Self {
        Self::laid_out(tensor.storage::<bf16>(), tensor.layout())
    }
}

/// What a tensor on the CPU, without autodiff, is made of.
pub fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("kernels are called on the CPU, without autodiff")
}

/// `tensor` (rank 2), copied only where the elements of a row do not adjoin.
pub fn contiguous(tensor: FlexTensor) -> FlexTensor {
    let strides = tensor.layout().strides();
    if strides[1] == 1 && strides[0] >= 0 { tensor } else { tensor.to_contiguous() }
}

/// `tensor` as one whose memory holds its elements alone, in order, for writing in place: itself where it is so already.
pub fn whole(tensor: FlexTensor) -> FlexTensor {
    tensor.to_contiguous()
}

/// A tensor of `values`, row-major.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The elements of `tensor` (any rank), which is contiguous.
pub fn elements(tensor: &FlexTensor) -> &[f32] {
    let layout = tensor.layout();
    let start = layout.start_offset();
    &tensor.storage::<f32>()[start..start + layout.num_elements()]
}

/// Whether a product of `[rows, terms, columns]` in single precision is worth all threads.
pub fn is_parallel(dims: [usize; 3]) -> bool {
    dims.iter().product::<usize>() >= PARALLEL_PRODUCT
}

/// Adds `bias` to every row.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    let piece = (PIECE / bias.len().max(1)).max(1) * bias.len();
    rows.par_chunks_mut(piece.max(1)).for_each(|rows| {
        for row in rows.chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
        }
    });
}

/// The sum of each column of a matrix that is not transposed.
pub fn column_sums(matrix: Matrix) -> Vec<f32> {
    sum_pieces(matrix.rows, matrix.columns, |rows, sums| {
        for row in rows {
            sums.iter_mut().zip(matrix.row(row)).for_each(|(sum, &x)| *sum += x);
        }
    })
}

/// Sums of `width` columns over `rows` rows, where `add` adds the rows of a range to zeros.
pub fn sum_pieces(rows: usize, width: usize, add: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync) -> Vec<f32> {
    let pieces: Vec<Vec<f32>> = (0..rows.div_ceil(ROWS_A_PIECE))
        .into_par_iter()
        .map(|piece| {
            let mut sums = vec![0.0; width];
            add(piece * ROWS_A_PIECE..((piece + 1) * ROWS_A_PIECE).min(rows), &mut sums);
            sums
        })
        .collect();
    let mut total = vec![0.0; width];
    for piece in pieces {
        total.iter_mut().zip(piece).for_each(|(sum, x)| *sum += x);
    }
    total
}
