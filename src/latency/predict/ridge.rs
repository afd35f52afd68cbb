//! The learned part of the predictor: a ridge regression on the products of the shape's numbers, which says by what factor
//! the sum of operator costs is off (small operators that leave a device idle, caches that overflow).

use super::least_squares::penalised;
use crate::latency::statistics::{median, robust_deviation};
use nalgebra::{DMatrix, DVector, DVectorViewMut, RowDVector};
use serde::{Deserialize, Serialize};

/// Strengths of the penalty that are tried, in units of one row; columns have mean 0 and deviation 1.
const PENALTIES: [f64; 8] = [0.1, 1.0, 10.0, 30.0, 100.0, 300.0, 1e3, 1e4];
/// Parts of the rows that are left out in turn to choose the penalty.
const FOLDS: usize = 5;
/// Deviations from the median at which a factor is cut off.
const CUT_OFF: f64 = 5.0;
/// The most a correction may change a prediction by, either way.
const MOST: f64 = 2.0;

/// A factor near 1 that depends on the shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The shape's numbers, as they were in training.
    pub inputs: Vec<Input>,
    /// Factor of an average shape.
    pub mean: f64,
    /// Coefficients of the inputs, then of their products (first with first, first with second, …), each centred.
    pub terms: Vec<Term>,
}

/// One number of the shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Place in [`crate::latency::data::features::PartFeatures::shape`].
    pub index: usize,
    /// Mean in training.
    pub mean: f64,
    /// Deviation in training.
    pub deviation: f64,
    /// Least value in training; values below it are taken for it.
    pub least: f64,
    /// Largest value in training; values above it are taken for it.
    pub largest: f64,
}

/// One column of the regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Mean in training, taken off first.
    pub mean: f64,
    /// What the centred column is multiplied by.
    pub coefficient: f64,
}

impl Correction {
    /// Fits the factors (measured over predicted) of training rows, one at least. None where leaving rows out shows that no
    /// correction predicts better than none.
    pub fn fit(shapes: &[&[f64]], factors: &[f64]) -> Option<Self> {
        let inputs = varying_inputs(shapes);
        let middle = median(factors.iter().copied());
        let reach = CUT_OFF * robust_deviation(factors.iter().map(|factor| factor - middle));
        let factors = DVector::from_column_slice(factors).map(|factor| factor.clamp(middle - reach, middle + reach));
        let rows: Vec<_> = shapes.iter().map(|shape| RowDVector::from_vec(expand(&inputs, shape))).collect();
        let mut rows = DMatrix::from_rows(&rows);
        let standards: Vec<(f64, f64)> = rows.column_iter_mut().map(standardise).collect();
        let mean = factors.mean();
        let coefficients = fit_penalised(&rows, &factors.add_scalar(-mean))?;
        let terms = coefficients.iter().zip(standards);
        let terms = terms.map(|(coefficient, (mean, scale))| Term { mean, coefficient: coefficient / scale }).collect();
        Some(Self { inputs, mean, terms })
    }

    /// The factor of a shape.
    pub fn factor(&self, shape: &[f64]) -> f64 {
        let row = expand(&self.inputs, shape);
        let sum: f64 = row.iter().zip(&self.terms).map(|(x, term)| term.coefficient * (x - term.mean)).sum();
        (self.mean + sum).clamp(1.0 / MOST, MOST)
    }

    /// Whether it can be evaluated for shapes of `len` numbers.
    pub fn is_sound(&self, len: usize) -> bool {
        let inputs = self.inputs.len();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        self.mean.is_finite()
            && self.terms.len() == inputs * (inputs + 3) / 2
            && self.terms.iter().all(|t| finite(&[t.mean, t.coefficient]))
            && self.inputs.iter().all(|input| {
                input.index < len
                    && finite(&[input.mean, input.deviation, input.least, input.largest])
                    && input.deviation > 0.0
                    && input.least <= input.largest
            })
    }
}

/// Shape numbers that differ between rows, with their statistics.
fn varying_inputs(shapes: &[&[f64]]) -> Vec<Input> {
    let column = |index: usize| DVector::from_iterator(shapes.len(), shapes.iter().map(|shape| shape[index]));
    let input = |index: usize| {
        let column = column(index);
        let (mean, deviation) = (column.mean(), column.variance().sqrt());
        Input { index, mean, deviation, least: column.min(), largest: column.max() }
    };
    let inputs = (0..shapes[0].len()).map(input);
    inputs.filter(|input| input.deviation > 1e-9 * (1.0 + input.mean.abs())).collect()
}

/// The standardised inputs, then all their products of two.
fn expand(inputs: &[Input], shape: &[f64]) -> Vec<f64> {
    let mut row: Vec<f64> = inputs
        .iter()
        .map(|input| {
            let value = shape[input.index].clamp(input.least, input.largest);
            (value - input.mean) / input.deviation
        })
        .collect();
    for i in 0..inputs.len() {
        for j in i..inputs.len() {
            row.push(row[i] * row[j]);
        }
    }
    row
}

/// Gives a column mean 0 and deviation 1 (0 for a constant one); returns its mean and what it was divided by.
fn standardise(mut column: DVectorViewMut<f64>) -> (f64, f64) {
    let (mean, deviation) = (column.mean(), column.variance().sqrt());
    let scale = if deviation > 1e-9 { deviation } else { 1.0 };
    column.apply(|x| *x = (*x - mean) / scale);
    (mean, scale)
}

/// Ridge coefficients under the penalty that predicts left-out rows best; none where predicting 0 does better.
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

    fn shapes(rows: usize) -> Vec<[f64; 3]> {
        (0..rows).map(|row| [(row % 5) as f64, (row * 7 % 11) as f64, 6.0]).collect()
    }

    #[test]
    fn a_product_is_learned_and_extrapolation_is_held_back() {
        let shapes = shapes(110);
        let slices: Vec<&[f64]> = shapes.iter().map(|shape| shape.as_slice()).collect();
        let truth = |shape: &[f64]| 1.0 + 0.005 * shape[0] * shape[1] - 0.02 * shape[1];
        let factors: Vec<f64> = slices.iter().map(|shape| truth(shape)).collect();
        let correction = Correction::fit(&slices, &factors).expect("there is something to learn");
        assert_eq!(correction.inputs.len(), 2, "the constant number is left out");
        assert!(correction.is_sound(3) && !correction.is_sound(1));
        for shape in &slices {
            assert!((correction.factor(shape) - truth(shape)).abs() < 2e-3);
        }
        let corner = correction.factor(&[4.0, 10.0, 6.0]);
        assert_eq!(correction.factor(&[400.0, 1000.0, 6.0]), corner);
    }

    #[test]
    fn nothing_is_learned_from_equal_factors() {
        let shapes = shapes(50);
        let slices: Vec<&[f64]> = shapes.iter().map(|shape| shape.as_slice()).collect();
        assert_eq!(Correction::fit(&slices, &[1.0; 50]), None);
    }
}
