//! The two pieces of dense linear algebra that the models need: Gram matrices and a Cholesky solve, for a few hundred
//! columns at most.

/// A symmetric matrix, stored whole, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symmetric {
    /// Rows and columns.
    pub size: usize,
    /// `size * size` entries.
    pub entries: Vec<f64>,
}

impl Symmetric {
    /// All zeros.
    pub fn zeros(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * size] }
    }

    /// The entry in row `i`, column `j`.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.entries[i * self.size + j]
    }

    /// Adds `weight * row * rowᵀ`.
    pub fn add_outer(&mut self, row: &[f64], weight: f64) {
        for (i, &value) in row.iter().enumerate() {
            let scaled = value * weight;
            if scaled != 0.0 {
                let entries = &mut self.entries[i * self.size..(i + 1) * self.size];
                for (entry, other) in entries.iter_mut().zip(row) {
                    *entry += scaled * other;
                }
            }
        }
    }

    /// `self - other`, entry by entry.
    pub fn minus(&self, other: &Self) -> Self {
        let entries = self.entries.iter().zip(&other.entries);
        Self { size: self.size, entries: entries.map(|(a, b)| a - b).collect() }
    }

    /// The rows and columns `kept`, in that order.
    pub fn part(&self, kept: &[usize]) -> Self {
        let entries = kept.iter().flat_map(|&i| kept.iter().map(move |&j| self.at(i, j)));
        Self { size: kept.len(), entries: entries.collect() }
    }

    /// Solves `(self + ridge * I) x = right` by Cholesky.
    ///
    /// A pivot that rounding made (nearly) zero or negative is a column that the ones before it already span; its
    /// solution is 0.
    pub fn solve(&self, ridge: f64, right: &[f64]) -> Vec<f64> {
        let n = self.size;
        let mut factor = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| factor[i * n + k] * factor[j * n + k]).sum();
                let rest = self.at(i, j) - dot;
                factor[i * n + j] = if i == j {
                    let pivot = rest + ridge;
                    if pivot > 1e-12 * (self.at(i, i) + ridge) { pivot.sqrt() } else { 0.0 }
                } else if factor[j * n + j] > 0.0 {
                    rest / factor[j * n + j]
                } else {
                    0.0
                };
            }
        }
        let divide = |value: f64, pivot: f64| if pivot > 0.0 { value / pivot } else { 0.0 };
        let mut x = right.to_vec();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| factor[i * n + k] * x[k]).sum();
            x[i] = divide(x[i] - dot, factor[i * n + i]);
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| factor[k * n + i] * x[k]).sum();
            x[i] = divide(x[i] - dot, factor[i * n + i]);
        }
        x
    }
}

/// `Σ a_i b_i`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(rows: &[[f64; 3]]) -> Symmetric {
        let mut gram = Symmetric::zeros(3);
        for row in rows {
            gram.add_outer(row, 1.0);
        }
        gram
    }

    #[test]
    fn solve_undoes_multiplication() {
        let matrix = gram(&[[1.0, 2.0, 0.5], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]);
        let x = [1.0, -2.0, 0.25];
        let right: Vec<f64> = (0..3).map(|i| (0..3).map(|j| matrix.at(i, j) * x[j]).sum()).collect();
        for (solved, exact) in matrix.solve(0.0, &right).iter().zip(x) {
            assert!((solved - exact).abs() < 1e-10);
        }
    }

    #[test]
    fn a_repeated_column_gets_nothing() {
        let matrix = gram(&[[1.0, 1.0, 0.0], [2.0, 2.0, 1.0], [3.0, 3.0, 5.0]]);
        let right: Vec<f64> = (0..3).map(|i| 2.0 * matrix.at(i, 0)).collect();
        let solved = matrix.solve(0.0, &right);
        for (solved, exact) in solved.iter().zip([2.0, 0.0, 0.0]) {
            assert!((solved - exact).abs() < 1e-9);
        }
    }
}
