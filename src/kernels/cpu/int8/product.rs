//! The product of activations and a weight.

use super::lanes::{ROWS, WIDTH};
use super::packed::{Panels, Rows};
use super::path::Path;
use super::tile::Tile;
use crate::kernels::cpu::out::Out;
use rayon::prelude::*;

/// Rows of a task.
const ROWS_A_TASK: usize = 128;
/// Products of at least this many multiplications use all threads.
const PARALLEL: usize = 128 * 128 * 128;

/// Writes `x Wᵀ`, or adds it, `[x.count(), weight.outputs()]` row-major.
///
/// # Safety
/// `out` has room for the result, and with `add` it holds numbers.
pub unsafe fn multiply(out: *mut f32, add: bool, x: &Rows, weight: &Panels, path: Path) {
    assert_eq!(x.steps(), weight.steps(), "inner dimensions agree");
    let out = Out::new(out);
    let (rows, outputs) = (x.count(), weight.outputs());
    let parts = rows.div_ceil(ROWS_A_TASK);
    let task = |index: usize| {
        let (start, output) = (index % parts * ROWS_A_TASK, index / parts * WIDTH);
        let end = rows.min(start + ROWS_A_TASK);
        for row in (start..end).step_by(ROWS) {
            // SAFETY: these rows of these outputs are this task's alone, and there is room for them.
            unsafe {
                let out = out.pointer().add(row * outputs + output);
                path.tile(&Tile { rows: x, row, count: ROWS.min(end - row), panels: weight, output, out, add });
            }
        }
    };
    let tasks = parts * outputs.div_ceil(WIDTH);
    match rows * outputs * 4 * x.steps() >= PARALLEL {
        true => (0..tasks).into_par_iter().for_each(task),
        false => (0..tasks).for_each(task),
    }
}

impl Path {
    /// # Safety
    /// The result has the tile's rows and outputs, and nobody else uses them.
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
