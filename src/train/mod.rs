//! Training of the supernet, or of one architecture: updates, validation, checkpoints, resuming.

mod checkpoint;
mod estimate;
mod job;
mod loss_scale;
pub mod optimizer;
pub mod schedule;
mod session;
mod update;
mod validation;
mod weights;

pub use checkpoint::{StoredWeights, read_weights, save_weights, trained_architecture};
pub use job::{Job, Outcome, Sampler};
pub use loss_scale::LossScale;
pub use session::train;
pub use update::{Trainer, UpdateReport};
pub use validation::Validation;
pub use weights::{Weights, average_weights, load_weights};
