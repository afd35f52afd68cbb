//! What a search needs of models: a loss for an architecture and, under a measured limit, the figure.

use crate::error::{Error, Result};
use crate::space::Architecture;

/// Measures architectures; the supernet with its shared weights, for one.
pub trait Evaluator: Sync {
    /// The loss of `architecture` on the first `fidelity` (0 to 1) of the validation set.
    ///
    /// Called from several threads at once. The loss must depend on the arguments alone, and not on the thread or on
    /// what else is being measured, or a resumed search will not repeat an unbroken one.
    ///
    /// # Errors
    /// Any error makes the candidate a failed trial; the search goes on.
    fn evaluate(&self, architecture: &Architecture, fidelity: f64) -> Result<Evaluation>;

    /// The figure of `architecture` under the limit that has to be measured
    /// ([`Constraints::measured`](super::Constraints::measured)); asked for only where there is one, before
    /// [`evaluate`](Self::evaluate), and it too from several threads at once.
    ///
    /// # Errors
    /// Any error makes the candidate a failed trial; the search goes on.
    fn measure(&self, _architecture: &Architecture) -> Result<f64> {
        Err(Error::failure("this evaluator measures nothing but losses"))
    }
}

/// What an [`Evaluator`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Validation loss, the lower the better.
    pub loss: f64,
    /// Target tokens that the loss is the mean of.
    pub tokens: u64,
    /// FLOPs in units of 10⁹ without the output projection, under the routing that the evaluation showed.
    pub gflops_expected: Option<f64>,
    /// Wall time of the evaluation, in seconds.
    pub seconds: f64,
}
