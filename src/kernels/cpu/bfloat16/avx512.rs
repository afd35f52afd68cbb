//! The path of AVX-512's instructions for bfloat16.

use super::element::Element;
use super::tile::{LANES, Tile};
use half::bf16;
use std::arch::x86_64::*;
use std::mem::{MaybeUninit, transmute};

/// A bit for each of the first `count` lanes of a register, of all from 16 on.
fn first(count: usize) -> u16 {
    if count >= LANES { u16::MAX } else { (1 << count) - 1 }
}

/// Rounds a row; `out` has as many elements.
///
/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
pub unsafe fn round<T: Element>(row: &[T], out: &mut [MaybeUninit<bf16>]) {
    assert_eq!(out.len(), row.len(), "a place for every element");
    for (out, row) in out.chunks_mut(LANES).zip(row.chunks(LANES)) {
        let mask = first(row.len());
        // SAFETY: as many elements are read and written as there are.
        unsafe { _mm256_mask_storeu_epi16(out.as_mut_ptr().cast(), mask, T::load(row.as_ptr(), mask)) }
    }
}

/// Rounds a row to lanes, of which `out` has one for every two elements.
///
/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
pub unsafe fn round_row<T: Element>(row: &[T], out: &mut [MaybeUninit<u32>]) {
    assert_eq!(out.len(), row.len().div_ceil(2), "a lane for every two elements");
    if let Some(last) = out.last_mut() {
        last.write(0); // Behind an odd element.
    }
    // SAFETY: these processors keep the low half of a lane first.
    unsafe { round(row, std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), row.len())) }
}

/// Pairs the elements of two rows; `out` has a lane for each column and zeros behind them.
///
/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
pub unsafe fn pair<T: Element>(even: &[T], odd: Option<&[T]>, out: &mut [MaybeUninit<u32>]) {
    assert!(out.len().is_multiple_of(LANES), "whole registers are written");
    assert!(odd.is_none_or(|odd| odd.len() == even.len()), "both rows have all columns");
    for (index, out) in out.chunks_exact_mut(LANES).enumerate() {
        let start = (index * LANES).min(even.len());
        let mask = first(even.len() - start);
        // SAFETY: masked elements are within their rows, and `out` has sixteen lanes.
        unsafe {
            let low = _mm512_cvtepu16_epi32(T::load(even.as_ptr().add(start), mask));
            let high = odd.map(|odd| _mm512_cvtepu16_epi32(T::load(odd.as_ptr().add(start), mask)));
            let high = _mm512_slli_epi32::<16>(high.unwrap_or_else(|| _mm512_setzero_si512()));
            _mm512_storeu_si512(out.as_mut_ptr().cast(), _mm512_or_si512(low, high));
        }
    }
}

/// Mirrors sixteen rows of sixteen lanes at their diagonal: four rounds, each of which swaps blocks twice as large.
#[target_feature(enable = "avx512f")]
pub fn transpose(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut a = rows;
    for i in (0..LANES).step_by(2) {
        a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    let mut b = a;
    for i in (0..LANES).step_by(4) {
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    let mut c = b;
    for i in 0..4 {
        for half in [0, 8] {
            c[half + i] = _mm512_shuffle_i32x4::<0b10_00_10_00>(b[half + i], b[half + i + 4]);
            c[half + i + 4] = _mm512_shuffle_i32x4::<0b11_01_11_01>(b[half + i], b[half + i + 4]);
        }
    }
    let mut d = c;
    for i in 0..8 {
        d[i] = _mm512_shuffle_i32x4::<0b10_00_10_00>(c[i], c[i + 8]);
        d[i + 8] = _mm512_shuffle_i32x4::<0b11_01_11_01>(c[i], c[i + 8]);
    }
    d
}

/// Writes rows of elements as columns of lanes: `out` has `steps` lines, `stride` lanes apart, of a lane for each row, which
/// holds two of its elements; zeros behind its end.
///
/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
pub unsafe fn mirror<T: Element>(rows: &[&[T]; LANES], steps: usize, out: &mut [MaybeUninit<u32>], stride: usize) {
    for step in (0..steps).step_by(LANES) {
        let mut lanes = [_mm512_setzero_si512(); LANES];
        for (lanes, row) in lanes.iter_mut().zip(rows) {
            let (low, high) = ((2 * step).min(row.len()), (2 * step + LANES).min(row.len()));
            // SAFETY: masked elements are within their row.
            unsafe {
                let first_half = T::load(row.as_ptr().add(low), first(row.len() - low));
                let second_half = T::load(row.as_ptr().add(high), first(row.len() - high));
                *lanes = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(first_half), second_half);
            }
        }
        let lines = transpose(lanes).into_iter().take(steps - step);
        for (line, lanes) in lines.enumerate() {
            let place = &mut out[(step + line) * stride..][..LANES];
            // SAFETY: there are sixteen lanes.
            unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), lanes) }
        }
    }
}

/// # Safety
/// As of [`Tile`]; the processor has the instructions.
pub unsafe fn tile(tile: &Tile) {
    // SAFETY: the caller answers for it.
    unsafe {
        match tile.registers() {
            1 => by_rows::<1>(tile),
            2 => by_rows::<2>(tile),
            _ => by_rows::<3>(tile),
        }
    }
}

unsafe fn by_rows<const V: usize>(tile: &Tile) {
    // SAFETY: the caller answers for it.
    unsafe {
        match tile.rows {
            1 => whole::<1, V>(tile),
            2 => whole::<2, V>(tile),
            3 => whole::<3, V>(tile),
            4 => whole::<4, V>(tile),
            5 => whole::<5, V>(tile),
            6 => whole::<6, V>(tile),
            7 => whole::<7, V>(tile),
            _ => whole::<8, V>(tile),
        }
    }
}

/// R rows of V registers.
#[target_feature(enable = "avx512bf16,avx512bw,avx512vl")]
unsafe fn whole<const R: usize, const V: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_ps(); V]; R];
    let (mut a, mut b) = (tile.a, tile.b);
    for _ in 0..tile.steps {
        // SAFETY: each step has R lanes of the left factor and V registers of the right one; both types of registers are 512 bits
        // of any value.
        unsafe {
            let right: [__m512bh; V] = std::array::from_fn(|v| transmute(_mm512_loadu_si512(b.add(v * LANES).cast())));
            for (r, sums) in sums.iter_mut().enumerate() {
                let left: __m512bh = transmute(_mm512_set1_epi32(*a.add(r * tile.a_row) as i32));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
            a = a.add(tile.a_step);
            b = b.add(V * LANES);
        }
    }
    let last = first(tile.columns - (V - 1) * LANES);
    for (r, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            let mask = if v + 1 == V { last } else { u16::MAX };
            // SAFETY: the masked elements are the tile's.
            unsafe {
                let out = tile.out.add(r * tile.out_row + v * LANES);
                let sum = if tile.add { _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, out)) } else { sum };
                _mm512_mask_storeu_ps(out, mask, sum);
            }
        }
    }
}
