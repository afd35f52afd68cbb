//! How weights are named, laid out on a device, shared and begun. Outside everybody sees experts one by one.

pub mod value;
pub mod declare;
mod named;
pub mod layout;
pub mod sharing;
pub mod leading_slice;
mod gate;
pub mod mixture;
pub mod low_rank;
pub mod rules;
pub mod supernet;
mod init;
mod quantized;
mod rounded;
mod tables;

pub use declare::{Declare, Init};
pub use init::init;
pub use layout::{Shapes, elements};
pub use sharing::{Corrections, Rule, Shared, WeightSharing};
pub use supernet::{Supernet, laid_out};
pub use value::{Kind, Value, Values, lookup};
