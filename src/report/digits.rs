//! Figures of any size in a few digits.

/// A figure with so many significant digits, none of them behind the point where it is large.
pub fn digits(figure: f64, count: i32) -> String {
    let magnitude = figure.abs();
    if magnitude == 0.0 || !magnitude.is_finite() {
        return figure.to_string();
    }
    match magnitude.log10().floor() as i32 {
        -5..6 => format!("{figure:.*}", decimals(figure, count)),
        _ => format!("{figure:.*e}", (count - 1).max(0) as usize),
    }
}

/// Decimals that a figure has with so many significant digits.
pub(super) fn decimals(figure: f64, count: i32) -> usize {
    (f64::from(count - 1) - figure.abs().log10().floor()).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let cases = [(4.56789, "4.568"), (0.0023456, "0.002346"), (123456.0, "123456"), (0.0, "0"), (1e9, "1.000e9")];
        for (figure, expected) in cases {
            assert_eq!(digits(figure, 4), expected);
        }
        assert_eq!(digits(f64::NAN, 4), "NaN");
    }
}
