//! Rows of 8-bit numbers.

/// The largest magnitude.
const LARGEST: f32 = 127.0;
/// Rows whose numbers are all smaller count as zeros: below, `LARGEST / number` would be no number of single precision.
const SMALLEST: f32 = f32::MIN_POSITIVE * LARGEST;
/// 1.5 · 2²³: a sum with it is rounded to a whole number, to nearest even, whose low bits are the sum's own.
const ROUNDING: f32 = 12_582_912.0;
/// Maxima that are kept side by side, one a lane of the widest registers.
const LANES: usize = 16;

/// Writes the numbers of `row` as bytes, each 128 more than what it stands as, to the first places of `out`, and returns the scale:
/// what 1 stands for. Where one of them is not finite, it is not a number.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn quantize(row: &[f32], out: &mut [u8]) -> f32 {
    let largest = largest(row);
    let (inverse, scale) = match largest {
        largest if largest < SMALLEST => (0.0, 0.0),
        largest => (LARGEST / largest, largest / LARGEST),
    };
    for (out, x) in out.iter_mut().zip(row) {
        *out = (x * inverse + ROUNDING).to_bits() as u8 ^ 0x80;
    }
    scale
}

/// The largest magnitude in `row`; not a number where one of them is not finite.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    // The bits of magnitudes are in the order of what they stand for, infinity and what is not a number above all others.
    let magnitude = |x: &f32| x.to_bits() & 0x7FFF_FFFF;
    let mut lanes = [0; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder().iter().map(magnitude).max().unwrap_or(0);
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane = magnitude(x).max(*lane));
    }
    let largest = f32::from_bits(lanes.into_iter().fold(rest, u32::max));
    if largest.is_finite() { largest } else { f32::NAN }
}
