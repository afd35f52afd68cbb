//! The part of a result that stays in registers.

/// Rows of a tile, at most.
pub const ROWS: usize = 8;
/// Lanes of a register.
pub const LANES: usize = 16;
/// Columns of a panel, three registers: with eight rows of them sums fill 24 of the 32 registers. A multiple of [`ROWS`].
pub const WIDTH: usize = 3 * LANES;

/// `out = a b`, or `out += a b`, of a few rows and columns.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    /// 1 to [`ROWS`].
    pub rows: usize,
    /// 1 to [`WIDTH`].
    pub columns: usize,
    /// Lanes along the inner dimension.
    pub steps: usize,
    /// The first lane of the left factor.
    pub a: *const u32,
    /// Distance of its rows.
    pub a_row: usize,
    /// Distance of its steps.
    pub a_step: usize,
    /// A panel of the right factor: in each step the lanes of all columns, a multiple of [`LANES`].
    pub b: *const u32,
    /// The first element of the result; columns adjoin.
    pub out: *mut f32,
    /// Distance of its rows.
    pub out_row: usize,
    /// Whether it is added to what is there.
    pub add: bool,
}

impl Tile {
    /// Registers that hold a row.
    pub fn registers(&self) -> usize {
        self.columns.div_ceil(LANES)
    }
}
