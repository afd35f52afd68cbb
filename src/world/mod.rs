//! The processes that do one job together, on one machine or several: what each knows of the others. The terms are MPI's: the
//! *world* is all of them, a process's *rank* counts them from 0.
//!
//! Rank 0 does what a single process does; the others wait for its orders and hold no files. [`join`] makes the process part of
//! its world, which is [`Alone`] where nothing has started several; nothing else asks how many there are before it works.

mod communicator;
mod known;
mod alone;
mod launch;
mod together;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "mpi")]
mod watch;
#[cfg(not(feature = "mpi"))]
mod without_mpi;
#[cfg(test)]
pub(crate) mod threads;

pub use alone::Alone;
pub use communicator::{Place, World};
pub use known::known_to_all;
pub use together::{agree, any, first, sum};

use crate::error::Result;
use known::is_known;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long processes that refuse the same thing leave rank 0 to say so: whoever started them ends all with the first.
const FIRST_TELLS: Duration = Duration::from_secs(3);

static JOINED: OnceLock<Box<dyn World>> = OnceLock::new();
/// All have agreed on what they do.
static AGREED: AtomicBool = AtomicBool::new(false);

/// The world that this process is part of: itself, until it has joined others.
pub fn world() -> &'static dyn World {
    match JOINED.get() {
        Some(world) => &**world,
        None => &Alone,
    }
}

/// Joins the processes that this one was started with.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where there are others, and this build cannot join them: each would do all of the job.
pub fn join() -> Result<&'static dyn World> {
    let launched = launch::launched();
    if launched.size > 1 && JOINED.get().is_none() {
        let _ = JOINED.set(connect(launched).map_err(known_to_all)?);
    }
    Ok(world())
}

#[cfg(feature = "mpi")]
use mpi::connect;
#[cfg(not(feature = "mpi"))]
use without_mpi::connect;

/// Whether this process was started as another than the first of several.
pub fn is_follower() -> bool {
    launch::launched().rank > 0
}

/// That all have agreed on what they do; from here on each tells of its errors itself.
pub fn has_agreed() {
    AGREED.store(true, Ordering::SeqCst);
}

/// How a job ended: until all have agreed, an error of one is an error of all, and rank 0 tells of it.
///
/// # Errors
/// That of `ended`, or of another process.
pub fn settle<T>(ended: Result<T>) -> Result<T> {
    let world = world();
    if world.size() > 1 && !AGREED.load(Ordering::SeqCst) && !is_known() {
        return agree(world, "command", ended, |_| String::new());
    }
    ended.map_err(|error| match world.rank() {
        0 => error,
        rank => error.at(world.name(rank)),
    })
}

/// Whether it is this process that tells of the error that ends it.
pub fn tells() -> bool {
    !is_known() || !is_follower()
}

/// Ends this process's part, with this exit code: in peace where all end so, else by ending all others.
pub fn end(exit_code: u8) {
    match JOINED.get() {
        Some(world) if exit_code == 0 || is_known() => world.leave(),
        Some(world) => world.abort(exit_code),
        None if is_known() => let_first_tell(),
        None => {}
    }
}

/// Leaves rank 0 the time to tell what all would.
pub fn let_first_tell() {
    if is_follower() {
        thread::sleep(FIRST_TELLS);
    }
}
