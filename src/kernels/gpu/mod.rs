//! The operators on graphics devices: kernels of ours around burn's matrix products, and the backward pass of each.

pub mod adam;
pub mod embedding;
pub mod grouped;
pub mod projection;
pub mod routing;
mod attention;
mod autodiff;
mod elements;
mod forward;
mod gates;
mod linear;
mod norm;
mod product;
mod rows;
mod tensor;
#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod tests;

pub use grouped::ExpertWeights;
pub use routing::Routing;
