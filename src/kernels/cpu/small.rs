//! Products of small matrices inside one task: heads of attention, too small for a packed product to pay.

/// Rows and columns of the block that stays in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 16;

/// Elements `data[start + row · row_stride + column · column_stride]`.
#[derive(Debug, Clone, Copy)]
pub struct Strided<'a> {
    /// The memory.
    pub data: &'a [f32],
    /// Distance of two rows.
    pub row_stride: usize,
    /// Distance of two columns.
    pub column_stride: usize,
}

/// `c = a b`, where c is `[m, n]` with rows `c_stride` apart and b is `[k, n]` with rows `b_stride` apart.
#[inline(always)]
pub fn multiply([m, k, n]: [usize; 3], a: Strided, b: &[f32], b_stride: usize, c: &mut [f32], c_stride: usize) {
    let mut column = 0;
    while column + COLUMNS <= n {
        columns::<COLUMNS>([m, k, column], a, b, b_stride, c, c_stride);
        column += COLUMNS;
    }
    while column + 8 <= n {
        columns::<8>([m, k, column], a, b, b_stride, c, c_stride);
        column += 8;
    }
    while column < n {
        columns::<1>([m, k, column], a, b, b_stride, c, c_stride);
        column += 1;
    }
}

/// N columns of the product, from `column` on.
#[inline(always)]
fn columns<const N: usize>(
    [m, k, column]: [usize; 3],
    a: Strided,
    b: &[f32],
    b_stride: usize,
    c: &mut [f32],
    c_stride: usize,
) {
    let mut row = 0;
    while row + ROWS <= m {
        block::<ROWS, N>([row, k, column], a, b, b_stride, c, c_stride);
        row += ROWS;
    }
    while row < m {
        block::<1, N>([row, k, column], a, b, b_stride, c, c_stride);
        row += 1;
    }
}

#[inline(always)]
fn block<const R: usize, const N: usize>(
    [row, k, column]: [usize; 3],
    a: Strided,
    b: &[f32],
    b_stride: usize,
    c: &mut [f32],
    c_stride: usize,
) {
    let mut sums = [[0.0f32; N]; R];
    for inner in 0..k {
        let start = inner * b_stride + column;
        let b = &b[start..start + N];
        for (r, sums) in sums.iter_mut().enumerate() {
            let factor = a.data[(row + r) * a.row_stride + inner * a.column_stride];
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = factor.mul_add(b, *sum);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let start = (row + r) * c_stride + column;
        c[start..start + N].copy_from_slice(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_shape_any_stride() {
        for [m, k, n] in [[1, 1, 1], [4, 3, 16], [5, 7, 27], [9, 2, 40]] {
            // a is stored transposed, with a gap after each row.
            let a: Vec<f32> = (0..k * (m + 1)).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..k * (n + 2)).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut c = vec![9.0; m * (n + 3)];
            multiply([m, k, n], Strided { data: &a, row_stride: 1, column_stride: m + 1 }, &b, n + 2, &mut c, n + 3);
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let want: f32 = (0..k).map(|l| a[l * (m + 1) + i] * b[l * (n + 2) + j]).sum();
                assert_eq!(c[i * (n + 3) + j], want);
            }
            assert!((0..m).all(|i| c[i * (n + 3) + n] == 9.0), "nothing is written beside the result");
        }
    }
}
