//! Elementary functions over slices that vectorise on any instruction set, with the same bits on each: sums are taken in a
//! fixed order, and a fused multiply-add is one wherever it stands (processors without the instruction compute it slowly).
//!
//! Loops are written as such: the closure of a `for_each` need not be compiled for the instruction set of the function around it,
//! and a fused multiply-add in it is then a call.

/// Running sums that are added up at the end: the order never depends on the instruction set.
pub const LANES: usize = 16;

/// The sum of `f` over all elements, for use inside a function that is compiled for several instruction sets.
#[inline(always)]
pub fn lane_sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|&x| f(x)).sum();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f(value);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// e^x for x ≤ 0, to about x units in the last place; below -87 it is 0. What is not a number stays so.
///
/// 2^t with t = x log₂e, split into an integer, which goes to the exponent, and a fraction between -1/2 and 1/2.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let t = x * std::f32::consts::LOG2_E;
    let rounded = t + ROUND;
    let fraction = t - (rounded - ROUND);
    let mut p = 1.535_336_2e-4_f32;
    p = p.mul_add(fraction, 1.339_887_4e-3);
    p = p.mul_add(fraction, 9.618_437e-3);
    p = p.mul_add(fraction, 5.550_332_5e-2);
    p = p.mul_add(fraction, 2.402_264_8e-1);
    p = p.mul_add(fraction, 6.931_472e-1);
    p = p.mul_add(fraction, 1.0);
    let y = f32::from_bits(p.to_bits().wrapping_add(rounded.to_bits() << 23));
    // A NaN's low bits would be shifted into y's exponent.
    let y = if x.is_nan() { x } else { y };
    if x < -87.0 { 0.0 } else { y }
}

/// Σ a b, for use inside a function that is compiled for several instruction sets.
#[inline(always)]
pub fn lane_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Replaces each x by its share e^x / Σ e^x, for use inside a function that is compiled for several instruction sets.
#[inline(always)]
pub fn softmax(row: &mut [f32]) {
    let mut largest = f32::NEG_INFINITY;
    for &x in row.iter() {
        largest = if x > largest { x } else { largest };
    }
    for x in row.iter_mut() {
        *x = exp(*x - largest);
    }
    let inverse = 1.0 / lane_sum(row, |x| x);
    for x in row {
        *x *= inverse;
    }
}

/// The largest element; minus infinity for none.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| a.max(b))
}

/// The sum of all elements.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn sum(values: &[f32]) -> f32 {
    lane_sum(values, |x| x)
}

/// Replaces each x by e^(x - shift) and returns their sum; `shift` is the largest element.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn exp_shifted(values: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *value = exp(*value - shift);
            *lane += *value;
        }
    }
    let mut rest = 0.0;
    for value in chunks.into_remainder() {
        *value = exp(*value - shift);
        rest += *value;
    }
    lanes.iter().sum::<f32>() + rest
}

/// The sum of e^(x - shift); `shift` is the largest element.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn sum_exp(values: &[f32], shift: f32) -> f32 {
    lane_sum(values, |x| exp(x - shift))
}

/// Σ a b.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    lane_dot(a, b)
}

/// Adds `scale` · b to a, element by element.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn add_scaled(a: &mut [f32], b: &[f32], scale: f32) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b * scale;
    }
}

/// Replaces each x by `x · scale + shift`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn scale_and_shift(values: &mut [f32], scale: f32, shift: f32) {
    for value in values {
        *value = *value * scale + shift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        let worst = (0..870_000)
            .map(|i| -(i as f32) * 1e-4)
            .map(|x| ((f64::from(exp(x)) / f64::from(x).exp() - 1.0) / f64::from(1.0 - x)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "worst relative error {worst} · (1 - x)");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!((exp(-1e9), exp(f32::NEG_INFINITY)), (0.0, 0.0));
        for bits in [0x7FC0_0000, 0xFFC0_0000, 0x7FC0_0001, 0xFFFF_FFFF] {
            assert!(exp(f32::from_bits(bits)).is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn reductions_of_any_length() {
        for length in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f32> = (0..length).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
            let want: f32 = values.iter().sum();
            assert_eq!(sum(&values), want);
            assert_eq!(max(&values), values.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let mut scaled = values.clone();
            let total = exp_shifted(&mut scaled, 5.0);
            let want: f64 = values.iter().map(|&v| f64::from(v - 5.0).exp()).sum();
            assert!((f64::from(total) - want).abs() <= 1e-6 * want.max(1.0));
        }
    }
}
