//! How factors are cut up.

/// Numbers of a lane.
pub const LANE: usize = 4;
/// Lanes of a register.
pub const LANES: usize = 16;
/// Rows of a tile, at most.
pub const ROWS: usize = 8;
/// Outputs of a panel, three registers: with eight rows of them sums fill 24 of the 32 registers.
pub const WIDTH: usize = 3 * LANES;
