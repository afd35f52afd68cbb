//! Whether the process was started with a standard output. Rust opens /dev/null in place of a closed one before `main`, and
//! what is written would be lost without an error.

#[cfg(unix)]
mod unix {
    use std::ffi::c_int;
    use std::sync::atomic::{AtomicBool, Ordering};

    const STANDARD_OUTPUT: c_int = 1;
    /// Asks for a descriptor's flags, and changes nothing: 1 on every Unix.
    const F_GETFD: c_int = 1;

    static IS_CLOSED: AtomicBool = AtomicBool::new(false);

    unsafe extern "C" {
        fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
    }

    extern "C" fn look() {
        // SAFETY: any number may be asked about; the answer for one that is no descriptor is -1.
        IS_CLOSED.store(unsafe { fcntl(STANDARD_OUTPUT, F_GETFD) } == -1, Ordering::Relaxed);
    }

    /// Called by the loader, before Rust's own beginning.
    #[used]
    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
    static BEFORE_MAIN: extern "C" fn() = look;

    pub fn has_output() -> bool {
        !IS_CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
pub use unix::has_output;

/// Whether there is one.
#[cfg(not(unix))]
pub fn has_output() -> bool {
    true
}
