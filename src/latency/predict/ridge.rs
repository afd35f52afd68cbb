//! The learned part of the predictor: a ridge regression on the products of the shape's numbers, which says by what factor
//! the sum of operator costs is off (small operators that leave a device idle, caches that overflow).

use crate::latency::statistics::{median, robust_deviation};
use crate::regression::{Ridge, Term, predict};
use nalgebra::{DMatrix, DVector, RowDVector};
use serde::{Deserialize, Serialize};

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

impl Correction {
    /// Fits the factors (measured over predicted) of training rows, one at least. None where leaving rows out shows that no
    /// correction predicts better than none.
    pub fn fit(shapes: &[&[f64]], factors: &[f64]) -> Option<Self> {
        let inputs = varying_inputs(shapes);
        let middle = median(factors.iter().copied());
        let reach = CUT_OFF * robust_deviation(factors.iter().map(|factor| factor - middle));
        let factors = DVector::from_column_slice(factors).map(|factor| factor.clamp(middle - reach, middle + reach));
        let rows: Vec<_> = shapes.iter().map(|shape| RowDVector::from_vec(expand(&inputs, shape))).collect();
        let Ridge { mean, terms } = Ridge::fit(DMatrix::from_rows(&rows), &factors)?;
        Some(Self { inputs, mean, terms })
    }

    /// The factor of a shape.
    pub fn factor(&self, shape: &[f64]) -> f64 {
        predict(self.mean, &self.terms, &expand(&self.inputs, shape)).clamp(1.0 / MOST, MOST)
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
