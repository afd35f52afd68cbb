//! How weights are named, laid out on a device, shared and begun. Outside everybody sees experts one by one.

mod init;
pub mod layout;
pub mod named;
mod rounded;
pub mod supernet;
mod tables;
pub mod value;

pub use layout::Shapes;
pub use supernet::{Supernet, laid_out};
pub use value::{Kind, Value, Values, lookup};
