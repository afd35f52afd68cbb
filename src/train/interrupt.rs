//! Ctrl-C during a training: the update is finished and saved first. A second one ends the program at once, as the first
//! does at any other time.

use signal_hook::consts::SIGINT;
use signal_hook::flag::{register, register_conditional_default};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static CTRL_C: LazyLock<CtrlC> = LazyLock::new(CtrlC::register);

struct CtrlC {
    /// The next one ends the program.
    ends: Arc<AtomicBool>,
    /// There was one.
    came: Arc<AtomicBool>,
}

impl CtrlC {
    fn register() -> Self {
        let (ends, came) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        // In this order: the first one finds `ends` false and sets it.
        let registered = register_conditional_default(SIGINT, ends.clone())
            .and_then(|_| register(SIGINT, ends.clone()))
            .and_then(|_| register(SIGINT, came.clone()));
        if let Err(error) = registered {
            tracing::warn!("Ctrl-C will not save: {error}");
        }
        Self { ends, came }
    }
}

/// While this is there, Ctrl-C waits for [`Interruptible::was_interrupted`] to be looked at.
pub(super) struct Interruptible(());

impl Interruptible {
    pub(super) fn begin() -> Self {
        CTRL_C.ends.store(false, Ordering::SeqCst);
        Self(())
    }

    pub(super) fn was_interrupted(&self) -> bool {
        CTRL_C.came.load(Ordering::SeqCst)
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        CTRL_C.ends.store(true, Ordering::SeqCst);
    }
}
