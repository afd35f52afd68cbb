//! The operators on the CPU: forward without gradients, and the backward pass of each.

pub mod adam;
mod attention;
mod autodiff;
pub mod bfloat16;
pub mod blend;
pub mod embedding;
mod feed_forward;
pub mod forward;
pub mod int8;
pub mod matrix;
pub mod norm;
mod out;
pub mod panels;
mod permute;
mod product;
pub mod projection;
mod small;
pub mod step;
pub mod vector;
