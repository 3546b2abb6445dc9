//! The threads that compute.

use std::ptr::NonNull;
use std::sync::mpsc;

use crate::{Error, ffi};

/// ggml's GGML_MAX_N_THREADS.
const MAX_THREADS: u32 = 512;

/// How long idle workers spin before they sleep: not at all. A spinning worker takes a core from the host between two
/// decodes, and waking one costs some ten microseconds against a decode of milliseconds.
const POLL: u32 = 0;

/// What ggml's threads get from the usual systems, for [`check_can_spawn`].
const STACK_SIZE: usize = 8 << 20;

/// A ggml thread pool. A pool of n threads has n - 1 workers: the thread that calls decode is the first.
pub(crate) struct Threadpool {
    /// Invariant: from `ggml_threadpool_new`; freed only after every context it is attached to.
    raw: NonNull<ffi::ggml_threadpool>,
    threads: u32,
}

impl Threadpool {
    pub(crate) fn new(threads: u32) -> Result<Self, Error> {
        check_threads("threads", threads)?;
        check_can_spawn(threads - 1)?;
        let mut raw = std::ptr::null_mut();
        ffi::run("ggml_threadpool_new", |error| {
            // SAFETY: the number is in ggml's range, and the system can start the workers, which ggml asserts.
            unsafe { ffi::chaku_llama_threadpool_new(threads.cast_signed(), POLL, &raw mut raw, error) }
        })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::ContextFailed { message: "no thread pool".to_owned() })?;
        Ok(Self { raw, threads })
    }

    pub(crate) fn raw(&self) -> *mut ffi::ggml_threadpool {
        self.raw.as_ptr()
    }

    pub(crate) fn threads(&self) -> u32 {
        self.threads
    }
}

impl Drop for Threadpool {
    fn drop(&mut self) {
        // SAFETY: ours by the invariant, and no context uses it any more. This joins the workers.
        unsafe { ffi::chaku_llama_threadpool_free(self.raw.as_ptr()) }
    }
}

pub(crate) fn check_threads(what: &'static str, threads: u32) -> Result<(), Error> {
    if (1..=MAX_THREADS).contains(&threads) {
        return Ok(());
    }
    Err(Error::input(what, format!("{threads} is not between 1 and {MAX_THREADS}")))
}

/// ggml aborts when the system refuses a thread, as it does at a container's limit. So `count` threads are started here
/// first, all alive at the same time.
fn check_can_spawn(count: u32) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let mut keep_alive = Vec::new();
        for started in 0..count {
            let (sender, receiver) = mpsc::channel::<()>();
            let spawned = std::thread::Builder::new().stack_size(STACK_SIZE).spawn_scoped(scope, move || {
                // Ends with the error of a closed channel, when the sender is dropped.
                let _ = receiver.recv();
            });
            if let Err(error) = spawned {
                return Err(Error::ContextFailed {
                    message: format!("the system starts only {started} of {count} threads: {error}"),
                });
            }
            keep_alive.push(sender);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_numbers_that_ggml_cannot_hold() {
        for threads in [0, MAX_THREADS + 1, u32::MAX] {
            assert!(matches!(Threadpool::new(threads), Err(Error::InvalidInput { .. })));
        }
    }
}
