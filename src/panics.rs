//! Libraries that panic where they should return an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What `run` gives. Its panic is an error, the panic's message, and prints nothing.
///
/// # Errors
/// It panicked.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    thread_local!(static IS_QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                others(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(false);
    result.map_err(|panic| message(&*panic))
}

/// What a panic said.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        assert_eq!(caught(|| 3), Ok(3));
        let number = 7;
        assert_eq!(caught(|| panic!("number {number}")), Err::<(), _>("number 7".to_owned()));
        assert_eq!(caught(|| panic!("a word")), Err::<(), _>("a word".to_owned()));
    }
}
