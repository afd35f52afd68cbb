//! The search space: what an architecture is, which values its genes may take, and how new ones are drawn.

// One architecture, and its JSON form.
pub mod architecture;
pub mod json;
// `[space]`, checked and resolved layer by layer.
mod choices;
mod layers;
// The space, and what can be done with it.
mod contains;
mod count;
mod describe;
mod draw;
mod natural;
mod schema;
#[expect(clippy::module_inception, reason = "the type that the room is named for")]
mod space;
mod spread;

pub use architecture::{Architecture, CrossAttention, Experts, Layer, MAX_WIDTH, Stack};
pub use choices::{Choices, SpaceConfig};
pub use describe::{Gene, Scope};
pub use natural::Natural;
pub use space::Space;
pub use spread::spread;
