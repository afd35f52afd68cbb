//! Linear regression with a penalty that is chosen by leaving rows out.

use super::least_squares::penalised;
use nalgebra::{DMatrix, DVector, DVectorViewMut};
use serde::{Deserialize, Serialize};

/// Strengths of the penalty that are tried, in units of one row; columns have mean 0 and deviation 1.
const PENALTIES: [f64; 8] = [0.1, 1.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4];
/// Parts of the rows that are left out in turn to choose the penalty.
const FOLDS: usize = 5;
/// A figure by the columns of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// The figure of an average row.
    pub mean: f64,
    /// One a column.
    pub terms: Vec<Term>,
}

/// One column of the regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Mean in training, taken off first.
    pub mean: f64,
    /// What the centred column is multiplied by.
    pub coefficient: f64,
}

impl Ridge {
    /// Fits `targets` (`[rows]`) by `rows` (`[rows, columns]`), one row at least. None where leaving rows out shows that the mean
    /// predicts as well.
    pub fn fit(mut rows: DMatrix<f64>, targets: &DVector<f64>) -> Option<Self> {
        let standards: Vec<(f64, f64)> = rows.column_iter_mut().map(standardise).collect();
        let mean = targets.mean();
        let coefficients = fit_penalised(&rows, &targets.add_scalar(-mean))?;
        let terms = coefficients.iter().zip(standards);
        let terms = terms.map(|(coefficient, (mean, scale))| Term { mean, coefficient: coefficient / scale }).collect();
        Some(Self { mean, terms })
    }

    /// The figure of `row`.
    pub fn predict(&self, row: &[f64]) -> f64 {
        predict(self.mean, &self.terms, row)
    }
}

/// `mean` and what the `terms` make of `row`.
pub fn predict(mean: f64, terms: &[Term], row: &[f64]) -> f64 {
    let sum: f64 = row.iter().zip(terms).map(|(x, term)| term.coefficient * (x - term.mean)).sum();
    mean + sum
}

/// Gives a column mean 0 and deviation 1 (0 for a constant one); returns its mean and what it was divided by.
fn standardise(mut column: DVectorViewMut<f64>) -> (f64, f64) {
    let (mean, deviation) = (column.mean(), column.variance().sqrt());
    let scale = if deviation > 1e-9 { deviation } else { 1.0 };
    column.apply(|x| *x = (*x - mean) / scale);
    (mean, scale)
}

/// Coefficients under the penalty that predicts left-out rows best; none where predicting 0 does better.
fn fit_penalised(rows: &DMatrix<f64>, targets: &DVector<f64>) -> Option<DVector<f64>> {
    let (gram, right) = (rows.tr_mul(rows), rows.tr_mul(targets));
    let mut errors = [0.0; PENALTIES.len()];
    for fold in 0..FOLDS {
        let left_out: Vec<usize> = (fold..rows.nrows()).step_by(FOLDS).collect();
        let (rows, targets) = (rows.select_rows(&left_out), targets.select_rows(&left_out));
        let (gram, right) = (&gram - rows.tr_mul(&rows), &right - rows.tr_mul(&targets));
        for (error, penalty) in errors.iter_mut().zip(PENALTIES) {
            *error += (&rows * penalised(&gram, &right, penalty)? - &targets).norm_squared();
        }
    }
    let (error, penalty) = errors.into_iter().zip(PENALTIES).min_by(|a, b| a.0.total_cmp(&b.0))?;
    if error < targets.norm_squared() { penalised(&gram, &right, penalty) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_learned_and_noise_is_not() {
        let row = |index: usize| [(index % 5) as f64, (index * 7 % 11) as f64, 6.0];
        let rows = DMatrix::from_row_iterator(110, 3, (0..110).flat_map(row));
        let truth = |row: &[f64]| 3.0 + 0.5 * row[0] - 0.25 * row[1];
        let targets = DVector::from_iterator(110, (0..110).map(|index| truth(&row(index))));
        let ridge = Ridge::fit(rows.clone(), &targets).unwrap();
        for index in 0..110 {
            assert!((ridge.predict(&row(index)) - truth(&row(index))).abs() < 1e-2);
        }
        assert_eq!(Ridge::fit(rows, &DVector::from_element(110, 2.0)), None);
    }
}
