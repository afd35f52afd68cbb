//! The program's allocator: mimalloc, told to keep what it has.
//!
//! An update frees and allocates gigabytes of results. Given back to the kernel, their pages would be cleared anew each time:
//! with 16 experts a fifth of an update.

use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3: milliseconds until free pages go back to the kernel, -1 for never.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Free pages stay with the process from now on. Its peak of memory is the same.
pub fn keep_free_pages() {
    // SAFETY: the option exists and takes any number; the function may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}
