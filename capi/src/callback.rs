//! Callbacks into the host, and what the host may do inside them.

use std::cell::Cell;
use std::ffi::{c_char, c_void};

use chaku::{Error, Reason, Result};

use crate::fork;
use crate::types::{chaku_buffer, chaku_event};

/// Called with each event of a request, one at a time.
///
/// - `event`: borrowed until the callback returns; chaku_event_retain keeps it.
/// - `user_data`: borrowed; the pointer given at registration.
///
/// Returns 0 to go on, anything else to cancel the request: see the function it is given to.
/// It may call callback-safe functions only, and must neither throw nor longjmp.
pub type chaku_event_callback = Option<unsafe extern "C" fn(event: *const chaku_event, user_data: *mut c_void) -> i32>;

/// Called with each call of a tool that the model makes, one at a time: make it, and say what it came to.
///
/// - `id`: borrowed until the callback returns. NUL-terminated: the call's name in the conversation.
/// - `name`: borrowed until the callback returns. NUL-terminated: the tool.
/// - `arguments`, `arguments_len`: borrowed until the callback returns. NUL-terminated JSON; length in bytes.
/// - `out_result`: borrowed until the callback returns, written to: a buffer of chaku_buffer_new with the text the model is
///   told, which chaku frees. It is NULL before; left so, the text is empty. Errors of the tool are told in words too.
/// - `user_data`: borrowed; the pointer given to the function that calls.
///
/// Returns 0 to go on, anything else to end the loop with CANCELLED.
/// It may call all functions, for instance to ask another session, and must neither throw nor longjmp.
pub type chaku_tool_callback = Option<
    unsafe extern "C" fn(
        id: *const c_char,
        name: *const c_char,
        arguments: *const c_char,
        arguments_len: i64,
        out_result: *mut *mut chaku_buffer,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Called when a request has something to read after it had nothing: read until chaku_request_next gives NULL, on any
/// thread but not in here.
///
/// - `user_data`: borrowed; the pointer given at registration.
///
/// Returns 0 to go on, anything else to be called no more.
/// It may call callback-safe functions only, and must neither throw nor longjmp.
pub type chaku_ready_callback = Option<unsafe extern "C" fn(user_data: *mut c_void) -> i32>;

/// Called with each line of the log, from any thread, and from several at once.
///
/// - `level`: one of the CHAKU_LOG_ levels.
/// - `target`: borrowed until the callback returns. NUL-terminated: the part of chaku that speaks, e.g. "chaku::engine".
/// - `message`, `message_len`: borrowed until the callback returns. NUL-terminated; length in bytes.
/// - `user_data`: borrowed; the pointer given at registration.
///
/// Returns 0 to go on, anything else to be called no more.
/// It must call no function of chaku, because the line may be written in the middle of one, and must neither throw nor
/// longjmp.
pub type chaku_log_callback = Option<
    unsafe extern "C" fn(
        level: i32,
        target: *const c_char,
        message: *const c_char,
        message_len: i64,
        user_data: *mut c_void,
    ) -> i32,
>;

pub(crate) type LogFunction = unsafe extern "C" fn(i32, *const c_char, *const c_char, i64, *mut c_void) -> i32;

/// Called exactly once, after the last call of the callback registered with it, and also when the registration fails;
/// never while that callback runs. A callback that wants no more calls may have to wait for it until what it was
/// registered with lets go of it.
///
/// - `user_data`: borrowed; the pointer given at registration, which may now be freed.
pub type chaku_destroy_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The host's pointer, whose destructor runs when this is dropped: exactly once, whatever happens in between.
pub(crate) struct UserData {
    pointer: *mut c_void,
    destroy: chaku_destroy_callback,
}

// SAFETY: the header says from which threads callbacks come; chaku itself only passes the pointer on.
unsafe impl Send for UserData {}
// SAFETY: as above; a callback that may run on several threads at once says so in the header.
unsafe impl Sync for UserData {}

impl UserData {
    /// # Safety
    /// `destroy` may be called once with `pointer`, from any thread.
    pub(crate) unsafe fn new(pointer: *mut c_void, destroy: chaku_destroy_callback) -> Self {
        UserData { pointer, destroy }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: called once, by the contract of `new`.
            inside(|| unsafe { destroy(self.pointer) });
        }
    }
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs the host's code. Until it returns, this thread may call callback-safe functions only.
pub(crate) fn inside<R>(callback: impl FnOnce() -> R) -> R {
    // No guard object: a callback that unwinds ends the process, so the second line is always reached.
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = callback();
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result
}

/// Whether this thread is inside a callback.
pub(crate) fn is_inside() -> bool {
    DEPTH.with(|depth| depth.get() > 0)
}

/// The first thing every function does that is not callback-safe: an error instead of a deadlock. These are the
/// functions that start threads and wait for them, so a forked child hears here too that it has none.
pub(crate) fn refuse_inside() -> Result<()> {
    fork::watch();
    fork::refuse_child()?;
    if is_inside() {
        return Err(Error::new(
            Reason::Reentrant,
            "this function may wait, so it cannot be called from inside a callback; call it after the callback returned",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI32, Ordering};

    unsafe extern "C" fn count_and_look(user_data: *mut c_void) {
        assert!(is_inside(), "the destructor is a callback too");
        // SAFETY: the tests below pass a live counter.
        unsafe { &*user_data.cast::<AtomicI32>() }.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn destroy_runs_exactly_once_also_in_a_panic() {
        let count = AtomicI32::new(0);
        let pointer = (&raw const count).cast_mut().cast();
        // SAFETY: `count` outlives the values.
        drop(unsafe { UserData::new(pointer, Some(count_and_look)) });
        assert_eq!(count.load(Ordering::Relaxed), 1);
        // SAFETY: as above.
        let data = unsafe { UserData::new(pointer, Some(count_and_look)) };
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _data = data;
            panic!("while registering");
        }));
        assert!(panicked.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 2);
        // SAFETY: without a destructor nothing is called.
        drop(unsafe { UserData::new(pointer, None) });
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn only_inside_a_callback_and_only_on_its_thread_calls_are_refused() {
        assert!(refuse_inside().is_ok());
        inside(|| {
            assert_eq!(refuse_inside().unwrap_err().reason(), Reason::Reentrant);
            inside(|| assert!(refuse_inside().is_err()));
            assert!(refuse_inside().is_err(), "still inside the outer one");
            std::thread::scope(|scope| scope.spawn(|| assert!(refuse_inside().is_ok())).join().unwrap());
        });
        assert!(refuse_inside().is_ok());
    }
}
