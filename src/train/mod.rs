//! Training of the supernet, or of one architecture: updates, validation, checkpoints, resuming.

mod job;
mod session;
mod slots;
mod gradients;
mod update;
mod reduce;
mod alike;
mod share;
mod follow;
pub mod optimizer;
pub mod schedule;
mod loss_scale;
mod validation;
mod state;
mod checkpoint;
mod changes;
mod metrics;
mod weights;
mod estimate;
mod log;
mod spent;

pub use checkpoint::{Origin, StoredWeights, read_weights, save_weights};
pub use follow::follow;
pub use gradients::Gradients;
pub use job::{Job, Outcome, Sampler};
pub use log::{Line, Shares, Slots, Training};
pub use loss_scale::LossScale;
pub use reduce::Together;
pub use session::train;
pub use share::{share_supernet, shared_supernet};
pub use slots::RoutedTokens;
pub use spent::{Spent, spent};
pub use state::{trained_architecture, trained_updates};
pub use update::{Trainer, UpdateReport};
pub use validation::Validation;
pub use weights::{Weights, average_weights, averaged_checkpoints, load_weights};
