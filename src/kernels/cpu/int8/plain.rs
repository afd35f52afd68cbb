//! The portable path.

use super::tile::Tile;

/// # Safety
/// The result has the tile's rows and outputs, and nobody else uses them.
pub unsafe fn tile(tile: &Tile) {
    let steps = tile.panels.steps();
    let (left, right) = (tile.rows.lanes(tile.row), tile.panels.lanes(tile.output));
    let (row_scales, scales) = (tile.rows.scales(tile.row), tile.panels.scales(tile.output));
    for (row, output) in (0..tile.count).flat_map(|row| (0..tile.outputs()).map(move |output| (row, output))) {
        let mut sum = 0i32;
        for step in 0..steps {
            let (bytes, numbers) = (left[row * steps + step], right[step * scales.len() + output]);
            let terms = bytes.iter().zip(numbers).map(|(&byte, number)| (i32::from(byte) - 128) * i32::from(number));
            sum += terms.sum::<i32>();
        }
        let result = sum as f32 * (row_scales[row] * scales[output]);
        // SAFETY: the element is the tile's.
        unsafe {
            let out = tile.out.add(row * tile.panels.outputs() + output);
            *out = if tile.add { *out + result } else { result };
        }
    }
}
