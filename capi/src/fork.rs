//! A child process after fork has none of the threads that do the work, and perhaps locks that nobody will ever open. It
//! is told so, instead of waiting for ever.

use std::sync::atomic::{AtomicBool, Ordering};

use chaku::{Error, Reason, Result};

static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// Whether this process was forked from one that had begun to use chaku.
#[inline]
pub(crate) fn is_child() -> bool {
    IS_CHILD.load(Ordering::Relaxed)
}

/// Fails in such a process.
#[inline]
pub(crate) fn refuse_child() -> Result<()> {
    if is_child() { Err(forked()) } else { Ok(()) }
}

#[cold]
fn forked() -> Error {
    Error::new(
        Reason::Forked,
        "this process was forked from one that uses chaku, whose threads it does not have; load the model after the \
         fork, or start the process with exec",
    )
}

/// Marks children forked from now on. Before the first handle, and the first call that starts threads, there is nothing a
/// child could miss.
pub(crate) fn watch() {
    // No `Once`: a child forked while another thread is in it would wait for that thread for ever.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.load(Ordering::Relaxed) && !WATCHED.swap(true, Ordering::Relaxed) {
        register();
    }
}

#[cfg(unix)]
fn register() {
    extern "C" fn in_child() {
        IS_CHILD.store(true, Ordering::Relaxed);
    }
    // SAFETY: the handler is a plain store, which is allowed in a forked child, and its code is never unloaded
    // (`-z nodelete`). Without memory for the registration children go unmarked, which nothing here can change.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(not(unix))]
fn register() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::error::{chaku_error_code, chaku_error_free, chaku_error_reason};
    use crate::types::{chaku_error, chaku_options, chaku_runtime};
    use crate::{CHAKU_FAILED_PRECONDITION, CHAKU_OK, chaku_options_free, chaku_options_new, chaku_runtime_new, guard};
    use std::ffi::CStr;
    use std::ptr;

    /// Everything the child may do is behind these calls; it ends without running the test harness's destructors.
    #[test]
    fn a_child_is_told_and_the_parent_goes_on() {
        let mut options: *mut chaku_options = ptr::null_mut();
        let mut runtime: *mut chaku_runtime = ptr::null_mut();
        let mut error: *mut chaku_error = ptr::null_mut();
        // SAFETY: the pointers are local variables.
        unsafe {
            assert_eq!(chaku_options_new(&raw mut options, ptr::null_mut()), CHAKU_OK);
            assert_eq!(chaku_runtime_new(options, &raw mut runtime, ptr::null_mut()), CHAKU_OK);
        }
        // SAFETY: the child makes plain calls and leaves with _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            let told = unsafe {
                let code = chaku_runtime_new(options, &raw mut runtime, &raw mut error);
                code == CHAKU_FAILED_PRECONDITION
                    && chaku_error_code(error) == CHAKU_FAILED_PRECONDITION
                    && CStr::from_ptr(chaku_error_reason(error)) == c"forked"
                    && chaku_error_free(error) == CHAKU_OK
                    && chaku_options_free(options) == CHAKU_FAILED_PRECONDITION
                    && guard::control(refuse_child) == CHAKU_FAILED_PRECONDITION
            };
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(if told { 7 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `child` is this process's child.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status}");
        assert!(!is_child());
        assert_eq!(chaku_options_free(options), CHAKU_OK);
        assert_eq!(crate::chaku_runtime_free(runtime), CHAKU_OK);
    }
}
