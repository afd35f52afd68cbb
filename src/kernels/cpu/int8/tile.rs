//! The part of a result that stays in registers.

use super::lanes::WIDTH;
use super::packed::{Panels, Rows};

/// A few rows of one panel's outputs.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// The left factor.
    pub rows: &'a Rows,
    /// The first row.
    pub row: usize,
    /// 1 to `ROWS`.
    pub count: usize,
    /// The right factor.
    pub panels: &'a Panels,
    /// The first output of the panel, a multiple of `WIDTH`.
    pub output: usize,
    /// The first element of the result; outputs adjoin, rows are as far apart as there are outputs.
    pub out: *mut f32,
    /// Whether it is added to what is there.
    pub add: bool,
}

impl Tile<'_> {
    /// Outputs of the panel.
    pub fn outputs(&self) -> usize {
        WIDTH.min(self.panels.outputs() - self.output)
    }
}
