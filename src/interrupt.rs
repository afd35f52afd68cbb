//! Ctrl-C (SIGINT), and the SIGTERM of those who end jobs, in the midst of long work: the update, trial or block in hand is
//! finished and saved first. A second one ends the program at once, as the first does at any other time; but some senders send
//! each signal twice, to the process and to its group, and that counts as one.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_default};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

/// How often it is looked whether a signal came.
const LOOK: Duration = Duration::from_millis(100);
/// Signals that are no further apart count as one.
const AS_ONE: Duration = Duration::from_millis(500);

static SIGNALS: LazyLock<Signals> = LazyLock::new(Signals::register);

struct Signals {
    /// The next one ends the program.
    ends: Arc<AtomicBool>,
    /// There was one.
    came: Arc<AtomicBool>,
}

impl Signals {
    fn register() -> Self {
        let (ends, came) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGINT, SIGTERM] {
            let registered =
                register_conditional_default(signal, ends.clone()).and_then(|_| register(signal, came.clone()));
            if let Err(error) = registered {
                tracing::warn!("signal {signal} will not save: {error}");
            }
        }
        let (second_ends, first_came) = (ends.clone(), came.clone());
        thread::spawn(move || {
            while !first_came.load(Ordering::SeqCst) {
                thread::sleep(LOOK);
            }
            thread::sleep(AS_ONE);
            second_ends.store(true, Ordering::SeqCst);
        });
        Self { ends, came }
    }
}

/// While this is there, the first signal waits for [`Interruptible::was_interrupted`] to be looked at.
pub(crate) struct Interruptible(());

impl Interruptible {
    pub(crate) fn begin() -> Self {
        SIGNALS.ends.store(false, Ordering::SeqCst);
        Self(())
    }

    pub(crate) fn was_interrupted(&self) -> bool {
        SIGNALS.came.load(Ordering::SeqCst)
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        SIGNALS.ends.store(true, Ordering::SeqCst);
    }
}
