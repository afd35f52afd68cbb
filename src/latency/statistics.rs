//! Figures of a few numbers, of which some may be wild.

/// The middle value (the upper of two), or 0 of nothing.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Standard deviation estimated from the median absolute value of `residuals` (exact for a normal distribution around
/// 0), never quite zero so that it can divide.
pub(super) fn robust_deviation(residuals: impl Iterator<Item = f64>) -> f64 {
    1.4826 * median(residuals.map(f64::abs)) + 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_a_wild_value() {
        assert_eq!(median([1.0, 1e9, 2.0].into_iter()), 2.0);
        assert_eq!(median(std::iter::empty()), 0.0);
    }
}
