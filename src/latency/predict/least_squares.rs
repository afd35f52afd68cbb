//! Least squares by the normal equations, with coefficients that cannot be negative.

use crate::regression::penalised;
use nalgebra::{DMatrix, DVector};

/// Penalty on columns of length 1, which tells apart columns that span each other and is beyond what rounding does.
const LEAST_PENALTY: f64 = 1e-12;
/// Slopes that are smaller than the steepest by this factor are rounding.
const ROUNDING: f64 = 1e-10;

/// Minimises `Σ w_i (rows_i · x - y_i)²` over `x ≥ 0`, `rows` being `[rows, columns]` and neither 0.
pub(super) fn non_negative(rows: &DMatrix<f64>, y: &[f64], weights: &[f64]) -> Vec<f64> {
    let y = DVector::from_column_slice(y);
    let weights = DVector::from_column_slice(weights);
    let mut weighted = rows.clone();
    weighted.column_iter_mut().for_each(|mut column| column.component_mul_assign(&weights));
    let gram = weighted.tr_mul(rows);
    let scales = gram.diagonal().map(|square| if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 });
    let gram = gram.component_mul(&(&scales * scales.transpose()));
    let right = weighted.tr_mul(&y).component_mul(&scales);
    active_set(&gram, &right).component_mul(&scales).as_slice().to_vec()
}

/// The active-set method of Lawson and Hanson (1974) on the normal equations of columns of length 1. Where numbers overflow,
/// what was found until then.
fn active_set(gram: &DMatrix<f64>, right: &DVector<f64>) -> DVector<f64> {
    let columns = right.len();
    let tolerance = ROUNDING * right.amax();
    let mut x = DVector::zeros(columns);
    let mut free: Vec<usize> = Vec::new();
    // Each round lowers the objective; the bound only guards against rounding that makes two rounds undo each other.
    for _ in 0..4 * columns {
        let slopes = right - gram * &x;
        let steepest = (0..columns).filter(|j| !free.contains(j)).max_by(|&a, &b| slopes[a].total_cmp(&slopes[b]));
        match steepest {
            Some(j) if slopes[j] > tolerance => free.push(j),
            _ => break,
        }
        while !free.is_empty() {
            let part = gram.select_rows(&free).select_columns(&free);
            let Some(wanted) = penalised(&part, &right.select_rows(&free), LEAST_PENALTY) else { return x };
            let step = free
                .iter()
                .zip(&wanted)
                .filter(|(_, wanted)| **wanted <= 0.0)
                .map(|(&j, wanted)| x[j] / (x[j] - wanted).max(f64::MIN_POSITIVE))
                .fold(1.0, f64::min);
            for (&j, wanted) in free.iter().zip(&wanted) {
                x[j] = (x[j] + step * (wanted - x[j])).max(0.0);
            }
            if wanted.min() > 0.0 {
                break;
            }
            let (kept, dropped): (Vec<usize>, Vec<usize>) = free.into_iter().partition(|&j| x[j] > 1e-14);
            dropped.into_iter().for_each(|j| x[j] = 0.0);
            free = kept;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_tells_nothing_is_no_panic() {
        let rows = DMatrix::from_row_slice(3, 2, &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        for (y, weights) in [([2.0, 4.0, 6.0], [1.0; 3]), ([1.0; 3], [f64::INFINITY; 3]), ([1e300; 3], [1e300; 3])] {
            let found = non_negative(&rows, &y, &weights);
            assert!(found.iter().all(|x| *x >= 0.0), "{found:?}");
        }
        let found = non_negative(&rows, &[2.0, 4.0, 6.0], &[1.0; 3]);
        assert!((found[0] + found[1] - 2.0).abs() < 1e-9, "a repeated column adds nothing: {found:?}");
    }

    #[test]
    fn exact_non_negative_coefficients_come_back() {
        let rows = DMatrix::from_row_slice(4, 3, &[1.0, 2.0, 0.0, 1.0, 5.0, 1.0, 1.0, 1.0, 4.0, 1.0, 7.0, 2.0]);
        let exact = [3.0, 0.5, 2.0];
        let y = &rows * DVector::from_column_slice(&exact);
        for (x, exact) in non_negative(&rows, y.as_slice(), &[1.0; 4]).iter().zip(exact) {
            assert!((x - exact).abs() < 1e-8);
        }
    }

    proptest! {
        /// The conditions of Karush, Kuhn and Tucker, which only the minimum meets.
        #[test]
        fn the_solution_is_the_minimum(
            rows in prop::collection::vec(prop::array::uniform4(0.0f64..3.0), 6..20),
            truth in prop::array::uniform4(-1.0f64..2.0),
        ) {
            let rows = DMatrix::from_row_iterator(rows.len(), 4, rows.into_iter().flatten());
            let y = &rows * DVector::from_column_slice(&truth);
            let x = non_negative(&rows, y.as_slice(), &vec![1.0; y.len()]);
            let slopes = rows.tr_mul(&(y - &rows * DVector::from_column_slice(&x)));
            for (j, (x, slope)) in x.iter().zip(&slopes).enumerate() {
                prop_assert!(*x >= 0.0);
                prop_assert!(*slope < 1e-6, "column {j} would gain from growing: {slope}");
                prop_assert!(*x == 0.0 || slope.abs() < 1e-6, "column {j} is not settled: {slope}");
            }
        }
    }
}
