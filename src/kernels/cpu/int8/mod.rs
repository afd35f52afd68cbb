//! Products in 8-bit integers, for inference.
//!
//! A weight is quantised by output, activations by row as they come: a number x stands as round(x / s), from -127 to 127, where
//! s is the row's largest magnitude / 127. Sums are of integers and exact, so that a result depends on its own row and output
//! alone, on any path; it is Σ · (s of the row · s of the output) in single precision.

mod lanes;
mod quantize;
mod path;
mod packed;
mod tile;
mod plain;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod product;

pub use packed::{Panels, Rows};
pub use path::Path;
pub use product::multiply;

#[cfg(test)]
mod tests;
