//! Least squares with coefficients that cannot be negative: an operator's cost is never below zero.

use super::linalg::{Symmetric, dot};

/// Minimises `Σ w_i (rows_i · x - y_i)²` over `x ≥ 0` by the active-set method of Lawson and Hanson (1974), on the normal
/// equations of columns scaled to length 1.
///
/// `rows` are of equal length and not empty.
pub(super) fn solve(rows: &[&[f64]], y: &[f64], weights: &[f64]) -> Vec<f64> {
    let columns = rows[0].len();
    let mut gram = Symmetric::zeros(columns);
    let mut right = vec![0.0; columns];
    for ((row, &y), &weight) in rows.iter().zip(y).zip(weights) {
        gram.add_outer(row, weight);
        for (right, value) in right.iter_mut().zip(*row) {
            *right += weight * y * value;
        }
    }
    let lengths: Vec<f64> = (0..columns).map(|j| gram.at(j, j).sqrt()).collect();
    let scales: Vec<f64> = lengths.iter().map(|&length| if length > 0.0 { 1.0 / length } else { 0.0 }).collect();
    for i in 0..columns {
        right[i] *= scales[i];
        for j in 0..columns {
            gram.entries[i * columns + j] *= scales[i] * scales[j];
        }
    }
    let mut x = active_set(&gram, &right);
    for (x, scale) in x.iter_mut().zip(scales) {
        *x *= scale;
    }
    x
}

fn active_set(gram: &Symmetric, right: &[f64]) -> Vec<f64> {
    let columns = gram.size;
    let tolerance = 1e-10 * right.iter().fold(0.0, |most: f64, r| most.max(r.abs()));
    let mut x = vec![0.0; columns];
    let mut free: Vec<usize> = Vec::new();
    // Each round lowers the objective; the bound only guards against rounding that makes two rounds undo each other.
    for _ in 0..4 * columns {
        let slope = |j: usize| right[j] - dot(&gram.entries[j * columns..(j + 1) * columns], &x);
        let steepest =
            (0..columns).filter(|j| !free.contains(j)).map(|j| (slope(j), j)).max_by(|a, b| a.0.total_cmp(&b.0));
        match steepest {
            Some((slope, j)) if slope > tolerance => free.push(j),
            _ => break,
        }
        while !free.is_empty() {
            let wanted: Vec<f64> = free.iter().map(|&j| right[j]).collect();
            let solved = gram.part(&free).solve(1e-12, &wanted);
            let step = free
                .iter()
                .zip(&solved)
                .filter(|(_, z)| **z <= 0.0)
                .map(|(&j, &z)| x[j] / (x[j] - z).max(f64::MIN_POSITIVE))
                .fold(1.0, f64::min);
            for (&j, z) in free.iter().zip(&solved) {
                x[j] = (x[j] + step * (z - x[j])).max(0.0);
            }
            if solved.iter().all(|&z| z > 0.0) {
                break;
            }
            free.retain(|&j| x[j] > 1e-14);
            for (j, x) in x.iter_mut().enumerate() {
                if !free.contains(&j) {
                    *x = 0.0;
                }
            }
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_non_negative_coefficients_come_back() {
        let rows = [[1.0, 2.0, 0.0], [1.0, 5.0, 1.0], [1.0, 1.0, 4.0], [1.0, 7.0, 2.0]];
        let y: Vec<f64> = rows.iter().map(|row| dot(row, &[3.0, 0.5, 2.0])).collect();
        let rows: Vec<&[f64]> = rows.iter().map(|row| row.as_slice()).collect();
        let x = solve(&rows, &y, &[1.0; 4]);
        for (x, exact) in x.iter().zip([3.0, 0.5, 2.0]) {
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
            let y: Vec<f64> = rows.iter().map(|row| dot(row, &truth)).collect();
            let slices: Vec<&[f64]> = rows.iter().map(|row| row.as_slice()).collect();
            let x = solve(&slices, &y, &vec![1.0; y.len()]);
            for j in 0..4 {
                let slope: f64 = rows.iter().zip(&y).map(|(row, y)| row[j] * (y - dot(row, &x))).sum();
                prop_assert!(x[j] >= 0.0);
                prop_assert!(slope < 1e-6, "column {j} would gain from growing: {slope}");
                prop_assert!(x[j] == 0.0 || slope.abs() < 1e-6, "column {j} is not settled: {slope}");
            }
        }
    }
}
