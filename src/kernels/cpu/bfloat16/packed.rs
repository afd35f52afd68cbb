//! Factors as products read them.

use super::element::Element;
use super::path::Path;
use super::tile::{LANES, WIDTH};
use crate::kernels::cpu::matrix::{Matrix, PIECE};
use half::bf16;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// A right factor `[inner, columns]`, in panels of `WIDTH` columns, the last one of whole registers. In a panel the lanes of a
/// step adjoin, then come those of the next.
#[derive(Debug, Clone)]
pub struct Panels {
    lanes: Vec<u32>,
    columns: usize,
    steps: usize,
}

/// A left factor `[rows, inner]`.
#[derive(Debug, Clone)]
pub enum Left {
    /// The lanes of a row adjoin.
    Rows {
        /// `[rows, steps]`
        lanes: Vec<u32>,
        /// Lanes of a row.
        steps: usize,
    },
    /// Its mirror image, as a right factor is packed.
    Panels(Panels),
}

/// Where the lanes of a left factor stand from some row on.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The first one.
    pub first: *const u32,
    /// Distance of two rows.
    pub row: usize,
    /// Distance of two steps.
    pub step: usize,
}

impl Panels {
    /// The columns of `matrix`, which is row-major or the mirror image of a matrix that is.
    pub fn of<T: Element>(matrix: Matrix<T>, path: Path) -> Self {
        Self::packed(matrix, path, worth_all_threads(matrix))
    }

    /// The same on one thread.
    pub fn on_one_thread<T: Element>(matrix: Matrix<T>, path: Path) -> Self {
        Self::packed(matrix, path, false)
    }

    fn packed<T: Element>(matrix: Matrix<T>, path: Path, parallel: bool) -> Self {
        let [inner, columns] = matrix.dims();
        let steps = inner.div_ceil(2);
        let fill = |(index, lanes): (usize, &mut [MaybeUninit<u32>])| {
            let start = index * WIDTH;
            let columns = matrix.columns(start, WIDTH.min(columns - start));
            match matrix.has_rows() {
                true => path.pair_rows(columns, lanes),
                false => path.mirror(columns.transposed(), lanes),
            }
        };
        let lanes = filled(columns.next_multiple_of(LANES) * steps, WIDTH * steps, parallel, fill);
        Self { lanes, columns, steps }
    }

    /// Columns of the factor.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Lanes of a column.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The panel of the columns from `column` on, a multiple of `WIDTH`, and the distance of its steps.
    pub fn panel(&self, column: usize) -> (&[u32], usize) {
        let stride = WIDTH.min(self.columns.next_multiple_of(LANES) - column);
        (&self.lanes[column * self.steps..(column + stride) * self.steps], stride)
    }
}

impl Left {
    /// The rows of `matrix`, which is row-major or the mirror image of a matrix that is.
    pub fn of<T: Element>(matrix: Matrix<T>, path: Path) -> Self {
        if !matrix.has_rows() {
            return Self::Panels(Panels::of(matrix.transposed(), path));
        }
        let [rows, inner] = matrix.dims();
        let steps = inner.div_ceil(2);
        let piece = (PIECE / steps.max(1)).max(1);
        let lanes = filled(rows * steps, piece * steps, worth_all_threads(matrix), |(index, lanes)| {
            let rows = lanes.chunks_exact_mut(steps).zip(index * piece..);
            rows.for_each(|(lanes, row)| path.round_row(matrix.row(row), lanes));
        });
        Self::Rows { lanes, steps }
    }

    /// Lanes of a row.
    pub fn steps(&self) -> usize {
        match self {
            Self::Rows { steps, .. } => *steps,
            Self::Panels(panels) => panels.steps,
        }
    }

    /// Where the rows from `row` on stand, as many as tiles have that begin at multiples of their height.
    pub fn place(&self, row: usize) -> Place {
        match self {
            Self::Rows { lanes, steps } => Place { first: lanes[row * steps..].as_ptr(), row: *steps, step: 1 },
            Self::Panels(panels) => {
                let (panel, stride) = panels.panel(row / WIDTH * WIDTH);
                Place { first: panel[row % WIDTH..].as_ptr(), row: 1, step: stride }
            }
        }
    }
}

fn worth_all_threads<T>(matrix: Matrix<T>) -> bool {
    matrix.dims().iter().product::<usize>() > PIECE
}

/// The elements of `matrix`, row-major and rounded; the elements of a row of it adjoin.
pub fn rounded(matrix: Matrix, path: Path) -> Vec<bf16> {
    let [rows, columns] = matrix.dims();
    let piece = (PIECE / columns.max(1)).max(1);
    filled(rows * columns, piece * columns, worth_all_threads(matrix), |(index, out)| {
        let rows = out.chunks_exact_mut(columns).zip(index * piece..);
        rows.for_each(|(out, row)| path.round(matrix.row(row), out));
    })
}

/// Elements that `fill` writes all of, in pieces of `piece`.
fn filled<T: Send>(
    count: usize,
    piece: usize,
    parallel: bool,
    fill: impl Fn((usize, &mut [MaybeUninit<T>])) + Send + Sync,
) -> Vec<T> {
    let mut elements: Vec<T> = Vec::with_capacity(count);
    let room = &mut elements.spare_capacity_mut()[..count];
    match parallel {
        true => room.par_chunks_mut(piece.max(1)).enumerate().for_each(fill),
        false => room.chunks_mut(piece.max(1)).enumerate().for_each(fill),
    }
    // SAFETY: each piece was filled.
    unsafe { elements.set_len(count) };
    elements
}

impl Path {
    /// Rounds a row.
    fn round<T: Element>(self, row: &[T], out: &mut [MaybeUninit<bf16>]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path is chosen where the processor has the instructions.
            Self::Avx512 => unsafe { super::avx512::round(row, out) },
            Self::Plain => super::plain::round(row, out),
        }
    }

    /// Rounds a row: a lane for every two elements, zero behind an odd one.
    fn round_row<T: Element>(self, row: &[T], out: &mut [MaybeUninit<u32>]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path is chosen where the processor has the instructions.
            Self::Avx512 => unsafe { super::avx512::round_row(row, out) },
            Self::Plain => super::plain::round_row(row, out),
        }
    }

    /// Fills a panel from the columns of a row-major `[inner, columns]`.
    fn pair_rows<T: Element>(self, columns: Matrix<T>, out: &mut [MaybeUninit<u32>]) {
        let [inner, count] = columns.dims();
        for (step, out) in out.chunks_exact_mut(count.next_multiple_of(LANES)).enumerate() {
            let even = columns.row(2 * step);
            let odd = (2 * step + 1 < inner).then(|| columns.row(2 * step + 1));
            match self {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the path is chosen where the processor has the instructions.
                Self::Avx512 => unsafe { super::avx512::pair(even, odd, out) },
                Self::Plain => super::plain::pair(even, odd, out),
            }
        }
    }

    /// Fills a panel from columns that adjoin each, given as rows `[columns, inner]`.
    fn mirror<T: Element>(self, columns: Matrix<T>, out: &mut [MaybeUninit<u32>]) {
        let [count, inner] = columns.dims();
        let stride = count.next_multiple_of(LANES);
        let none: &[T] = &[];
        for start in (0..count).step_by(LANES) {
            let rows = LANES.min(count - start);
            let rows: [&[T]; LANES] =
                std::array::from_fn(|row| if row < rows { columns.row(start + row) } else { none });
            let (out, steps) = (&mut out[start..], inner.div_ceil(2));
            match self {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the path is chosen where the processor has the instructions.
                Self::Avx512 => unsafe { super::avx512::mirror(&rows, steps, out, stride) },
                Self::Plain => super::plain::mirror(&rows, steps, out, stride),
            }
        }
    }
}
