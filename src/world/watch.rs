//! A watchdog over the other processes: one that is gone, stopped or cut off is found out by its silence. TCP would wait for a
//! quarter of an hour, and MPI for ever.

use mpi::request::{Request, StaticScope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Source};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The tag of messages that say nothing but that a process is there.
pub(super) const BEAT_TAG: i32 = 0;

/// What is sent with it.
static NOTHING: &[u8] = &[];

/// A beat on its way.
type Beat = Request<'static, [u8], StaticScope>;

/// Time between two beats.
const TURN: Duration = Duration::from_secs(2);
/// Beats that a process may miss. They count this process's own turns: one that was stopped itself does not blame the others.
const MISSED: u32 = 15;
/// What ending all may take before this process ends by itself.
const END: Duration = Duration::from_secs(5);

/// The watchdog; it rests when this is dropped.
pub(super) struct Watch {
    rests: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches over all but `own`, which messages call by `names`.
    pub fn begin(own: usize, names: Vec<String>) -> Self {
        let (rests, rest) = mpsc::channel();
        let watch = move || {
            let world = SimpleCommunicator::world();
            let mut missed = vec![0; names.len()];
            // A beat waits behind what a cut link does not take, and the watchdog does not wait with it.
            let mut sent: Vec<Option<Beat>> = names.iter().map(|_| None).collect();
            while rest.recv_timeout(TURN) == Err(RecvTimeoutError::Timeout) {
                for rank in (0..names.len()).filter(|rank| *rank != own) {
                    let other = world.process_at_rank(rank as i32);
                    missed[rank] += 1;
                    sent[rank] = match sent[rank].take().map(Request::test) {
                        Some(Err(under_way)) => Some(under_way),
                        None | Some(Ok(_)) => Some(other.immediate_send_with_tag(StaticScope, NOTHING, BEAT_TAG)),
                    };
                    while let Some((beat, _)) = other.immediate_matched_probe_with_tag(BEAT_TAG) {
                        beat.matched_receive_into(&mut [0u8; 0][..]);
                        missed[rank] = 0;
                    }
                }
                if let Some(silent) = missed.iter().position(|missed| *missed > MISSED) {
                    end(&names[own], &names[silent]);
                }
            }
            sent.into_iter().flatten().for_each(Request::wait_without_status);
        };
        Self { rests: Some(rests), thread: Some(thread::spawn(watch)) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.rests.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Says that nothing is heard of `silent` any more, and ends all.
fn end(own: &str, silent: &str) -> ! {
    tracing::error!(
        "{own}: {silent} has not been heard of for {} s: it has ended or is stopped, or the link is cut; the same command goes on",
        (TURN * MISSED).as_secs()
    );
    thread::spawn(|| {
        thread::sleep(END);
        std::process::abort();
    });
    SimpleCommunicator::world().abort(1)
}
