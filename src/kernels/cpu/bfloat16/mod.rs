//! Products in bfloat16 with sums in single precision.
//!
//! Both factors are rounded to nearest even and packed in lanes of two elements that adjoin along the inner dimension, as
//! `vdpbf16ps` takes them. Each element of a result is summed by one thread, in the same order whatever the number of threads.

mod element;
mod path;
mod tile;
mod plain;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod packed;
mod product;

pub use element::Element;
pub use packed::{Left, Panels, rounded};
pub use path::Path;
pub use product::multiply;

#[cfg(test)]
mod tests;
