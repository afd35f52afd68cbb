//! What kernels do with single elements, and what the units of a cube find together.

use crate::kernels::dropout::Mask;
use cubecl::prelude::*;

/// Units of a cube that goes through a short row: as many as a graphics card runs in step.
pub const UNITS: usize = 32;

/// The larger of value and 0. What is not a number stays so, here and below: a training that has failed must show it. Its
/// bits are asked, as a shading language may take comparisons and products to be of numbers.
#[cube]
pub fn relu(value: f32) -> f32 {
    let positive = select(value > 0.0f32, value, 0.0f32);
    select(value.is_nan(), value, positive)
}

/// `value · factor`, NaN where either is, whatever the other.
#[cube]
fn times(value: f32, factor: f32) -> f32 {
    let product = select(factor.is_nan(), factor, value * factor);
    select(value.is_nan(), value, product)
}

/// A [`Mask`] on the device.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Dropout {
    key: u32,
    threshold: u32,
    kept: f32,
}

/// `mask` as an argument of a launch.
pub fn dropout(mask: Mask) -> DropoutLaunch {
    DropoutLaunch::new(mask.key(), mask.threshold(), mask.kept())
}

#[cube]
impl Dropout {
    /// [`Mask::NONE`]
    pub fn none() -> Self {
        Dropout { key: 0u32, threshold: 0u32, kept: 1.0f32 }
    }

    /// `value` times the factor of its place, see [`Mask::factor`].
    pub fn apply(&self, value: f32, place: usize) -> f32 {
        let mut x = (place as u32 * 0x9E37_79B1u32) ^ self.key;
        x = (x ^ (x >> 16u32)) * 0x7FEB_352Du32;
        x = (x ^ (x >> 15u32)) * 0x846C_A68Bu32;
        x ^= x >> 16u32;
        times(value, select(x >= self.threshold, self.kept, 0.0f32))
    }

    /// The gradient before relu and dropout, from the one after them, of an element that was `hidden` after them: where it is
    /// positive, its relu was open and it was not dropped.
    pub fn backward(&self, gradient: f32, hidden: f32) -> f32 {
        let open = select(hidden > 0.0f32, self.kept, 0.0f32);
        times(gradient, select(hidden.is_nan(), hidden, open))
    }
}

/// The sum of the values of a cube's units. All of them come here; `shared` holds an element for each.
#[cube]
pub fn sum_of_cube(value: f32, shared: &mut Shared<[f32]>, #[comptime] units: usize) -> f32 {
    let unit = UNIT_POS as usize;
    sync_cube();
    shared[unit] = value;
    sync_cube();
    let mut sum = 0.0f32;
    for other in 0..units {
        sum += shared[other];
    }
    sum
}

/// The largest of the units' values, of those that are numbers; as [`sum_of_cube`].
#[cube]
pub fn largest_of_cube(value: f32, shared: &mut Shared<[f32]>, #[comptime] units: usize) -> f32 {
    let unit = UNIT_POS as usize;
    sync_cube();
    shared[unit] = value;
    sync_cube();
    let mut largest = shared[0];
    for other in 1..units {
        largest = select(shared[other] > largest, shared[other], largest);
    }
    largest
}
