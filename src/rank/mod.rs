//! How well a measure, such as the loss with a SuperNet's weights, orders architectures that were trained alone. Pure statistics:
//! what was trained and measured comes as numbers.
//!
//! `tau` is Kendall's τ-b among the pairs that count, `bootstrap` its intervals, and `compare` all figures of several
//! measures and how they differ.

mod bootstrap;
mod compare;
mod sample;
mod tau;

pub use bootstrap::Interval;
pub use compare::{Ceiling, Comparison, Difference, Measured, compare};
pub use sample::{Measure, Sample};
pub use tau::{Estimate, Taus, kendall};
