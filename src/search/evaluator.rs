//! What a search needs of models: a loss for an architecture and, under a measured limit, the figure.

use crate::error::{Error, Result};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Measures architectures; the supernet with its shared weights, for one.
pub trait Evaluator: Sync {
    /// The loss of `architecture` on the validation set.
    ///
    /// Called from several threads at once. The loss must depend on the arguments alone, and not on the thread or on
    /// what else is being measured, or a resumed search will not repeat an unbroken one.
    ///
    /// # Errors
    /// Any error makes the candidate a failed trial; the search goes on.
    fn evaluate(&self, architecture: &Architecture) -> Result<Evaluation>;

    /// The same on each of these parts of the validation set, of which there are [`PARTS`](super::PARTS), all of them together the
    /// whole set, and each as like it as may be; asked for only where candidates race. A part may have no token.
    ///
    /// # Errors
    /// Any error makes the candidate a failed trial; the search goes on.
    fn evaluate_parts(&self, _architecture: &Architecture, _parts: Range<usize>) -> Result<Vec<Evaluation>> {
        Err(Error::failure("this evaluator knows no parts of its validation set"))
    }

    /// Evaluations that are made side by side, where this process makes `here`: others may make more.
    fn at_a_time(&self, here: usize) -> usize {
        here
    }

    /// What its losses follow from besides the architecture: losses of parts are kept, and hold for the same alone.
    fn conditions(&self) -> String {
        String::new()
    }

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
