//! The portable path.

use super::element::Element;
use super::tile::{LANES, Tile};
use half::bf16;
use std::mem::MaybeUninit;

/// A lane of two elements, the first one in the low half.
fn lane(first: bf16, second: bf16) -> u32 {
    u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16
}

/// The lane of elements `2 · step` and the next one of a row, zeros behind its end.
fn lane_of<T: Element>(row: &[T], step: usize) -> u32 {
    let element = |index: usize| row.get(index).map_or(bf16::ZERO, |x| x.rounded());
    lane(element(2 * step), element(2 * step + 1))
}

/// Rounds a row; `out` has as many elements.
pub fn round<T: Element>(row: &[T], out: &mut [MaybeUninit<bf16>]) {
    for (out, x) in out.iter_mut().zip(row) {
        out.write(x.rounded());
    }
}

/// Rounds a row to lanes, of which `out` has one for every two elements.
pub fn round_row<T: Element>(row: &[T], out: &mut [MaybeUninit<u32>]) {
    for (step, out) in out.iter_mut().enumerate() {
        out.write(lane_of(row, step));
    }
}

/// Pairs the elements of two rows; `out` has a lane for each column and zeros behind them.
pub fn pair<T: Element>(even: &[T], odd: Option<&[T]>, out: &mut [MaybeUninit<u32>]) {
    for (column, out) in out.iter_mut().enumerate() {
        let element = |row: &[T]| row.get(column).map_or(bf16::ZERO, |x| x.rounded());
        out.write(lane(element(even), odd.map_or(bf16::ZERO, element)));
    }
}

/// Writes rows of elements as columns of lanes: `out` has `steps` lines, `stride` lanes apart, of a lane for each row, which
/// holds two of its elements; zeros behind its end.
pub fn mirror<T: Element>(rows: &[&[T]; LANES], steps: usize, out: &mut [MaybeUninit<u32>], stride: usize) {
    for (step, line) in out.chunks_mut(stride).enumerate().take(steps) {
        for (out, row) in line.iter_mut().zip(rows) {
            out.write(lane_of(row, step));
        }
    }
}

/// # Safety
/// As of [`Tile`].
pub unsafe fn tile(tile: &Tile) {
    let width = tile.registers() * LANES;
    let half = |lane: u32, second: bool| f32::from_bits(if second { lane & 0xFFFF_0000 } else { lane << 16 });
    for (row, column) in (0..tile.rows).flat_map(|row| (0..tile.columns).map(move |column| (row, column))) {
        let mut sum = 0.0;
        for step in 0..tile.steps {
            // SAFETY: both lanes are the tile's.
            let (a, b) =
                unsafe { (*tile.a.add(row * tile.a_row + step * tile.a_step), *tile.b.add(step * width + column)) };
            // As the instruction has it: the second element's product is added first. Products are exact.
            sum += half(a, true) * half(b, true);
            sum += half(a, false) * half(b, false);
        }
        // SAFETY: the element is the tile's.
        unsafe {
            let out = tile.out.add(row * tile.out_row + column);
            *out = if tile.add { *out + sum } else { sum };
        }
    }
}
