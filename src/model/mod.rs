//! The one Transformer, the supernet it is cut from, and their loss. Knows no files.

pub mod attention;
mod cut;
pub mod decoder;
mod dropout;
mod embedding;
pub mod encoder;
pub mod experts;
mod history;
mod init;
pub mod kernels;
pub mod linear;
pub mod loss;
pub mod parameters;
mod pass;
pub mod precision;
mod routing;
pub mod stacks;
mod tables;
pub mod transformer;

pub use cut::{Supernet, stacked};
pub use embedding::MAX_POSITIONS;
pub use parameters::{Kind, Value, Values};
pub use pass::{LayerRouting, Pass};
pub use transformer::{Tables, Transformer, TransformerConfig};
