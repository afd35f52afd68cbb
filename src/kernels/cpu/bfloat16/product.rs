//! The product of two packed factors.

use super::packed::{Left, Panels};
use super::path::Path;
use super::tile::{ROWS, Tile, WIDTH};
use crate::kernels::cpu::out::Out;
use rayon::prelude::*;

/// Rows of a task.
const ROWS_A_TASK: usize = 128;
/// Steps that a panel is gone through before the next rows: so much of it stays in the nearest caches.
const STEPS: usize = 512;
/// Products of at least this many multiplications use all threads.
const PARALLEL: usize = 128 * 128 * 128;

/// Writes `a b`, or adds it, `[rows, b.columns()]` row-major.
///
/// # Safety
/// a has `rows` rows; `out` has room for the result, and with `add` it holds numbers.
pub unsafe fn multiply(out: *mut f32, add: bool, rows: usize, a: &Left, b: &Panels, path: Path) {
    assert_eq!(a.steps(), b.steps(), "inner dimensions agree");
    let out = Out::new(out);
    let parts = rows.div_ceil(ROWS_A_TASK);
    let task = |index: usize| {
        let pointer = out.pointer();
        let (row, column) = (index % parts * ROWS_A_TASK, index / parts * WIDTH);
        let count = ROWS_A_TASK.min(rows - row);
        // SAFETY: these rows of these columns are this task's alone, and there is room for them.
        unsafe { block(pointer.add(row * b.columns() + column), add, row..row + count, a, (b, column), path) }
    };
    let tasks = parts * b.columns().div_ceil(WIDTH);
    match rows * b.columns() * 2 * b.steps() >= PARALLEL {
        true => (0..tasks).into_par_iter().for_each(task),
        false => (0..tasks).for_each(task),
    }
}

/// Some rows of a panel's columns.
///
/// # Safety
/// As of [`multiply`]; `out` is the first element of these rows and columns.
unsafe fn block(
    out: *mut f32,
    add: bool,
    rows: std::ops::Range<usize>,
    a: &Left,
    (b, column): (&Panels, usize),
    path: Path,
) {
    let (panel, stride) = b.panel(column);
    let columns = WIDTH.min(b.columns() - column);
    // Without a step the result is 0, too.
    for step in (0..b.steps().max(1)).step_by(STEPS) {
        for row in rows.clone().step_by(ROWS) {
            let place = a.place(row);
            let tile = Tile {
                rows: ROWS.min(rows.end - row),
                columns,
                steps: STEPS.min(b.steps() - step),
                a: place.first.wrapping_add(step * place.step),
                a_row: place.row,
                a_step: place.step,
                b: panel[step * stride..].as_ptr(),
                out: out.wrapping_add((row - rows.start) * b.columns()),
                out_row: b.columns(),
                add: add || step > 0,
            };
            // SAFETY: the factors have these rows, columns and steps; the caller answers for `out`.
            unsafe { path.tile(&tile) }
        }
    }
}

impl Path {
    /// # Safety
    /// The tile's factors and its part of the result are there, and nobody else uses the latter.
    unsafe fn tile(self, tile: &Tile) {
        // SAFETY: the caller answers for it; the path is chosen where the processor has the instructions.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => super::avx512::tile(tile),
                Self::Plain => super::plain::tile(tile),
            }
        }
    }
}
