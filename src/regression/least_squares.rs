//! Least squares by the normal equations, with a penalty.

use nalgebra::{Cholesky, DMatrix, DVector};

/// Minimises `|A x - y|² + penalty |x|²`, where `gram = Aᵀ A` (`[columns, columns]`) and `right = Aᵀ y` (`[columns]`). None
/// where numbers overflow, or rounding is larger than the penalty.
pub fn penalised(gram: &DMatrix<f64>, right: &DVector<f64>, penalty: f64) -> Option<DVector<f64>> {
    let penalties = DMatrix::from_diagonal_element(right.len(), right.len(), penalty);
    Cholesky::new(gram + penalties).map(|factor| factor.solve(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_penalty_exact_coefficients_come_back() {
        let rows = DMatrix::from_row_slice(3, 3, &[1.0, 2.0, 0.5, 0.0, 1.0, 3.0, 2.0, 0.0, 1.0]);
        let exact = DVector::from_column_slice(&[1.0, -2.0, 0.25]);
        let gram = rows.tr_mul(&rows);
        let found = penalised(&gram, &(&gram * &exact), 0.0).unwrap();
        assert!((found - exact).amax() < 1e-10);
    }

    #[test]
    fn columns_that_are_equal_tell_nothing() {
        let twice = DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.0]);
        assert_eq!(penalised(&twice, &DVector::from_element(2, 1.0), 0.0), None);
    }
}
