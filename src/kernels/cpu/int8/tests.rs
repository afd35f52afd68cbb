//! Both paths against each other, and against what was multiplied.

use super::*;
use crate::kernels::cpu::matrix::Matrix;
use rand::RngExt;

/// Numbers of many magnitudes; rows of them differ most.
fn numbers(rows: usize, columns: usize, seed: u64) -> Vec<f32> {
    let mut random = crate::seed::stream(seed, "test numbers", 0);
    let magnitudes: Vec<f32> = (0..rows).map(|_| random.random_range(-20.0f32..10.0).exp2()).collect();
    magnitudes
        .iter()
        .flat_map(|&m| (0..columns).map(|_| m * random.random_range(-1.0..1.0)).collect::<Vec<_>>())
        .collect()
}

fn product(x: Matrix, weight: Matrix, path: Path, begin: Option<f32>) -> Vec<f32> {
    let mut out = vec![begin.unwrap_or(f32::NAN); x.dims()[0] * weight.dims()[0]];
    // SAFETY: `out` has as many elements as the product, and they are numbers where it is added to them.
    unsafe { multiply(out.as_mut_ptr(), begin.is_some(), &Rows::of(x), &Panels::of(weight), path) };
    out
}

#[test]
fn paths_agree_to_the_bit_and_come_near_for_any_shape_and_layout() {
    // Inner dimensions that are no whole lanes, several panels, several tasks.
    for [rows, inner, outputs] in
        [[1, 1, 1], [9, 3, 17], [5, 33, 50], [13, 64, 96], [150, 70, 100], [8, 1101, 49], [3, 0, 20], [0, 5, 7]]
    {
        let (x, w) = (numbers(rows, inner, 1), numbers(outputs, inner, 2));
        let (x_matrix, w_matrix) = (Matrix::new(&x, rows, inner), Matrix::new(&w, outputs, inner));
        let what = format!("{rows} x {inner} x {outputs}");
        for begin in [None, Some(0.5)] {
            let plain = product(x_matrix, w_matrix, Path::Plain, begin);
            assert_eq!(product(x_matrix, w_matrix, Path::best(), begin), plain, "{what}");
            for (index, &found) in plain.iter().enumerate() {
                let (x, w) = (x_matrix.row(index / outputs), w_matrix.row(index % outputs));
                let largest = |row: &[f32]| row.iter().fold(0.0f64, |largest, &x| largest.max(f64::from(x).abs()));
                let want: f64 = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
                // Each factor is off by half a step of 127 at the most.
                let error = (f64::from(found) - want - f64::from(begin.unwrap_or(0.0))).abs();
                let limit = inner as f64 * largest(x) * largest(w) / 126.0 + 1e-6;
                assert!(error <= limit, "{what}: {found}, not {want}");
            }
        }
        let mirrored = |values: &[f32], rows: usize| -> Vec<f32> {
            (0..inner).flat_map(|column| (0..rows).map(move |row| values[row * inner + column])).collect()
        };
        let (x, w) = (mirrored(&x, rows), mirrored(&w, outputs));
        let found = product(
            Matrix::new(&x, inner, rows).transposed(),
            Matrix::new(&w, inner, outputs).transposed(),
            Path::best(),
            None,
        );
        assert_eq!(found, product(x_matrix, w_matrix, Path::Plain, None), "{what}, mirrored");
    }
}

#[test]
fn a_row_is_quantised_as_it_is_defined() {
    // Lengths with and without a rest that fills no register.
    for columns in [1, 3, 16, 31, 32, 200] {
        for (seed, row) in numbers(8, columns, 3).chunks_exact(columns).enumerate() {
            let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            let numbers = row.iter().map(|x| (x * (127.0 / largest)).round_ties_even() as i32 + 128);
            let mut found = vec![0; columns];
            assert_eq!(quantize::quantize(row, &mut found), largest / 127.0, "{columns}, {seed}");
            assert_eq!(found.into_iter().map(i32::from).collect::<Vec<_>>(), numbers.collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_largest_sums_are_exact() {
    // The widest that a model can be; whole numbers up to 127 stand as themselves.
    let inner = crate::space::MAX_WIDTH;
    for [x, w] in [[127.0, 127.0], [127.0, -127.0], [-127.0, -127.0]] {
        let (x_row, w_row) = (vec![x; inner], vec![w; inner]);
        for path in [Path::Plain, Path::best()] {
            let found = product(Matrix::new(&x_row, 1, inner), Matrix::new(&w_row, 1, inner), path, None);
            assert_eq!(found, [x * w * inner as f32], "{path:?}");
        }
    }
}

#[test]
fn numbers_are_rounded_to_nearest_even_and_what_is_no_number_stays_so() {
    let one = |x: &[f32], path| {
        product(Matrix::new(x, 1, x.len()), Matrix::new(&[1.0, 0.0, 0.0][..x.len()], 1, x.len()), path, None)[0]
    };
    for path in [Path::Plain, Path::best()] {
        let found = [0.4, 0.5, 0.6, 1.5, 2.5, -2.5, -126.6].map(|x| one(&[x, 127.0], path).round());
        assert_eq!(found, [0.0, 0.0, 1.0, 2.0, 2.0, -2.0, -127.0], "{path:?}");
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(one(&[1.0, odd], path).is_nan(), "{path:?}: {odd}");
        }
        assert_eq!([one(&[0.0, 0.0], path), one(&[1e-38, 1e-42], path)], [0.0; 2], "{path:?}");
        assert!((one(&[1e38, 1.0], path) / 1e38 - 1.0).abs() < 1e-6, "{path:?}");
    }
}
