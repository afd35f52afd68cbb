//! What a sentence passes in the layers of an architecture, said once: each linear map, attention, LayerNorm and mixture.
//!
//! Whoever counts or lists what a model has adds up or lists the [`Step`]s of its [`Plan`]: parameters, FLOPs, the latency
//! predictor's features, names and shapes of weights. The model's modules say the same by themselves, as code that computes;
//! a test holds both together.

mod step;
mod walk;

pub use step::{Operator, Owner, Step, Tokens};
pub use walk::{LayerPlan, Plan};
