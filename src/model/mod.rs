//! The one Transformer, the supernet it is cut from, and their loss. Knows no files.

pub mod attention;
pub mod config;
pub mod decoder;
mod embedding;
pub mod encoder;
pub mod experts;
pub mod linear;
pub mod transformer;

pub mod weights;

pub mod loss;
mod pass;
pub mod precision;

pub use config::TransformerConfig;
pub use embedding::MAX_POSITIONS;
pub use pass::{LayerRouting, Pass};
pub use transformer::Transformer;
pub use weights::{Kind, Supernet, Value, Values};
