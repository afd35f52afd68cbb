//! The path of AVX-512's instructions for neural networks.

use super::lanes::{LANES, ROWS, WIDTH};
use super::tile::Tile;
use std::arch::x86_64::*;

/// # Safety
/// The result has the tile's rows and outputs, and nobody else uses them; the processor has the instructions.
pub unsafe fn tile(tile: &Tile) {
    // SAFETY: the caller answers for it.
    unsafe {
        match tile.panels.scales(tile.output).len() / LANES {
            1 => by_rows::<1>(tile),
            2 => by_rows::<2>(tile),
            _ => by_rows::<3>(tile),
        }
    }
}

unsafe fn by_rows<const V: usize>(tile: &Tile) {
    // SAFETY: the caller answers for it.
    unsafe {
        match tile.count {
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
#[target_feature(enable = "avx512vnni,avx512bw")]
unsafe fn whole<const R: usize, const V: usize>(tile: &Tile) {
    const { assert!(R <= ROWS && V * LANES <= WIDTH) };
    let steps = tile.panels.steps();
    let (left, right) = (tile.rows.lanes(tile.row), tile.panels.lanes(tile.output));
    assert!(left.len() >= R * steps && right.len() == steps * V * LANES, "both factors have all steps");
    let (mut a, mut b) = (left.as_ptr(), right.as_ptr());
    let mut sums = [[_mm512_setzero_si512(); V]; R];
    for _ in 0..steps {
        // SAFETY: each step has R lanes of the left factor, a row's `steps` apart, and V registers of the right one.
        unsafe {
            let right: [__m512i; V] = std::array::from_fn(|v| _mm512_loadu_si512(b.add(v * LANES).cast()));
            for (r, sums) in sums.iter_mut().enumerate() {
                let left = _mm512_set1_epi32(i32::from_le_bytes(*a.add(r * steps)));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = _mm512_dpbusd_epi32(*sum, left, right);
                }
            }
            a = a.add(1);
            b = b.add(V * LANES);
        }
    }
    let (row_scales, scales, excess) =
        (tile.rows.scales(tile.row), tile.panels.scales(tile.output), tile.panels.excess(tile.output));
    let last = u16::MAX >> (V * LANES - tile.outputs());
    for (r, sums) in sums.into_iter().enumerate() {
        let row_scale = _mm512_set1_ps(row_scales[r]);
        for (v, sum) in sums.into_iter().enumerate() {
            let mask = if v + 1 == V { last } else { u16::MAX };
            // SAFETY: scales and excess have V registers, and the masked elements of the result are the tile's.
            unsafe {
                let excess = _mm512_loadu_si512(excess.as_ptr().add(v * LANES).cast());
                let scale = _mm512_mul_ps(row_scale, _mm512_loadu_ps(scales.as_ptr().add(v * LANES)));
                let sum = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sum, excess)), scale);
                let out = tile.out.add(r * tile.panels.outputs() + v * LANES);
                let sum = if tile.add { _mm512_add_ps(_mm512_maskz_loadu_ps(mask, out), sum) } else { sum };
                _mm512_mask_storeu_ps(out, mask, sum);
            }
        }
    }
}
