//! What a program that was built without MPI does where several processes were started.

use super::communicator::World;
use super::launch::Launched;
use crate::error::{Error, Result};

/// # Errors
/// Always: each would do all of the job.
pub(super) fn connect(launched: Launched) -> Result<Box<dyn World>> {
    Err(Error::input(format!(
        "started as one of {} processes, but this program was built without MPI, and each would do all of the job: build it \
         with cargo build --release --features mpi, or start one process",
        launched.size
    )))
}
