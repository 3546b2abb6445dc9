//! Closures as C callbacks. A panic of a closure is caught here, for it must not cross into C; it counts as *stop*.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What C returns to go on, and to stop.
const GO_ON: i32 = 0;
const STOP: i32 = 1;

/// The closure as `user_data`, to be given back through [`destroy`].
pub(crate) fn user_data<F>(closure: F) -> *mut c_void {
    Box::into_raw(Box::new(closure)).cast()
}

/// Drops the closure.
///
/// # Safety
/// `user_data` was made by [`user_data`] with the same `F`, and is not used any more: the ABI calls a destroy callback
/// once, when the callback will never be called again.
pub(crate) unsafe extern "C" fn destroy<F>(user_data: *mut c_void) {
    // SAFETY: by this function's contract.
    let closure = unsafe { Box::from_raw(user_data.cast::<F>()) };
    let _ = catch_unwind(AssertUnwindSafe(move || drop(closure)));
}

/// Calls a ready hook.
///
/// # Safety
/// `user_data` was made by [`user_data`] with the same `F`, is alive, and nobody else uses it: the ABI makes one call
/// of a ready callback at a time.
pub(crate) unsafe extern "C" fn ready<F: FnMut()>(user_data: *mut c_void) -> i32 {
    // SAFETY: by this function's contract.
    let hook = unsafe { &mut *user_data.cast::<F>() };
    catch_unwind(AssertUnwindSafe(hook)).map_or(STOP, |()| GO_ON)
}

/// Calls a log sink with level, target and message.
///
/// # Safety
/// `user_data` was made by [`user_data`] with the same `F` and is alive; the texts are NUL-terminated.
pub(crate) unsafe extern "C" fn log<F: Fn(i32, &str, &str) + Sync>(
    level: i32,
    target: *const c_char,
    message: *const c_char,
    _message_len: i64,
    user_data: *mut c_void,
) -> i32 {
    // SAFETY: by this function's contract; a log callback may run on several threads, and `F` is `Sync`.
    let (sink, target, message) = unsafe { (&*user_data.cast::<F>(), CStr::from_ptr(target), CStr::from_ptr(message)) };
    let call = || sink(level, &target.to_string_lossy(), &message.to_string_lossy());
    catch_unwind(AssertUnwindSafe(call)).map_or(STOP, |()| GO_ON)
}
