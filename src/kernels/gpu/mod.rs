//! The operators on graphics devices that are kernels of ours: a mixture of experts, and the optimizer's step.

pub mod adam;
pub mod grouped;
pub mod routing;
mod product;
mod rows;
mod tensor;
#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod tests;

pub use grouped::ExpertWeights;
pub use routing::Routing;
