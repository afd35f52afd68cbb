//! The search space: what an architecture is, which values its genes may take, and how new ones are drawn.

// An architecture.
pub mod architecture;
mod side;
// What its genes are: the types, and the table.
mod gene;
mod genes;
mod values;
// Architectures by the table: can they be built, and as JSON.
pub mod json;
mod validate;
// `[space]`, checked, and resolved layer by layer.
mod choices;
mod choices_schema;
mod faults;
mod layers;
// The space, and what can be done with it.
mod contains;
mod count;
mod dense;
mod describe;
mod draw;
mod named_values;
mod natural;
mod schema;
#[expect(clippy::module_inception, reason = "the type that the room is named for")]
mod space;
mod spread;
mod vector;

pub use architecture::{Architecture, CrossAttention, Experts, Layer, MAX_WIDTH, Stack};
pub use choices::{Choices, SpaceConfig};
pub use describe::GeneChoices;
pub(crate) use gene::Gene;
pub use gene::Scope;
pub(crate) use genes::GENES;
pub use named_values::NamedValue;
pub use natural::Natural;
pub use side::Side;
pub use space::Space;
pub use spread::spread;
