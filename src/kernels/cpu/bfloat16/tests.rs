//! Both paths against each other, and against sums in double precision.

use super::*;
use crate::kernels::cpu::matrix::Matrix;
use half::bf16;

/// Numbers that bfloat16 does not hold exactly, of many magnitudes.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let number = |i: u64| {
        let bits = (i + 1).wrapping_mul(seed.wrapping_mul(2) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (bits as f32 / (1 << 23) as f32 - 1.0) * (((bits % 7) as f32) - 3.0).exp2()
    };
    (0..count as u64).map(number).collect()
}

fn product<T: Element>(a: Matrix, b: Matrix<T>, path: Path, begin: Option<f32>) -> Vec<f32> {
    let [rows, columns] = [a.dims()[0], b.dims()[1]];
    let mut out = vec![begin.unwrap_or(f32::NAN); rows * columns];
    // SAFETY: `out` has as many elements as the product, and they are numbers where it is added to them.
    unsafe { multiply(out.as_mut_ptr(), begin.is_some(), rows, &Left::of(a, path), &Panels::of(b, path), path) };
    out
}

#[test]
fn paths_agree_to_the_bit_for_any_shape_and_layout() {
    // Odd inner dimensions, several panels, several tasks, several passes over a panel.
    let shapes =
        [[1, 1, 1], [9, 3, 17], [5, 33, 50], [13, 64, 96], [150, 70, 100], [8, 1100, 49], [3, 20, 0], [0, 5, 7]];
    for [rows, inner, columns] in shapes {
        let (x, w) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
        let w: Vec<bf16> = w.into_iter().map(bf16::from_f32).collect();
        for (a_mirrored, b_mirrored) in [(false, false), (false, true), (true, false), (true, true)] {
            let a = match a_mirrored {
                false => Matrix::new(&x, rows, inner),
                true => Matrix::new(&x, inner, rows).transposed(),
            };
            let b = match b_mirrored {
                false => Matrix::new(&w, inner, columns),
                true => Matrix::new(&w, columns, inner).transposed(),
            };
            let single: Vec<f32> = w.iter().map(|&x| x.to_f32()).collect();
            let at = |i: usize, l: usize| if a_mirrored { x[l * rows + i] } else { x[i * inner + l] };
            let bt = |l: usize, j: usize| if b_mirrored { single[j * inner + l] } else { single[l * columns + j] };
            for begin in [None, Some(0.5)] {
                let plain = product(a, b, Path::Plain, begin);
                assert_eq!(product(a, b, Path::best(), begin), plain, "{rows} x {inner} x {columns}");
                for (index, &found) in plain.iter().enumerate() {
                    let (i, j) = (index / columns, index % columns);
                    let terms = (0..inner).map(|l| bf16::from_f32(at(i, l)).to_f64() * f64::from(bt(l, j)));
                    let (sum, size) = terms.fold((0.0, 1.0), |(sum, size), term| (sum + term, size + term.abs()));
                    let want = sum + f64::from(begin.unwrap_or(0.0));
                    let error = (f64::from(found) - want).abs();
                    assert!(error <= inner as f64 * 6e-8 * size, "{rows} x {inner} x {columns}: {found}, not {want}");
                }
            }
            // Factors that are rounded for the product.
            let b = match b_mirrored {
                false => Matrix::new(&single, inner, columns),
                true => Matrix::new(&single, columns, inner).transposed(),
            };
            assert_eq!(product(a, b, Path::best(), None), product(a, b, Path::Plain, None));
        }
    }
}

#[test]
fn numbers_are_rounded_to_nearest_even() {
    // Halfway between neighbours, beyond the largest, and what is not a number.
    let bits = [0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0xBF80_7FFF, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_1234];
    let values: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
    for path in [Path::Plain, Path::best()] {
        let found: Vec<u16> = rounded(Matrix::new(&values, 2, 4), path).into_iter().map(bf16::to_bits).collect();
        assert_eq!(found, [0x3F80, 0x3F82, 0x3F81, 0xBF80, 0x7F80, 0x7F80, 0xFF80, 0x7FC0], "{path:?}");
        for value in [f32::NAN, f32::INFINITY] {
            let x = [1.0, value, 2.0];
            let zero_or_one = [bf16::ONE, bf16::ZERO, bf16::ONE];
            let sum = product(Matrix::new(&x, 1, 3), Matrix::new(&zero_or_one, 3, 1), path, None);
            assert!(sum[0].is_nan(), "{path:?}: {value} times 0 is no number");
        }
    }
}

#[test]
fn numbers_below_the_normal_range_count_as_nothing_or_little() {
    let (x, w) = ([1e-40f32; 4], [bf16::ONE; 4]);
    for path in [Path::Plain, Path::best()] {
        let sum = product(Matrix::new(&x, 1, 4), Matrix::new(&w, 4, 1), path, None);
        assert!((0.0..=5e-40).contains(&sum[0]), "{path:?}: {}", sum[0]);
    }
}

#[test]
fn threads_change_no_bit() {
    let (x, w) = (numbers(300 * 200, 1), numbers(200 * 333, 2));
    let sums = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| product(Matrix::new(&x, 300, 200), Matrix::new(&w, 200, 333), Path::best(), None))
    };
    assert_eq!(sums(1), sums(3));
}
