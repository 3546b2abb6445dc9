//! The threads that compute.

use std::fmt::Display;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, mpsc};

use crate::{Error, Placement, ffi};

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

// SAFETY: ggml locks a pool where it is used; only its creation and its end have an order, which the owner keeps.
unsafe impl Send for Threadpool {}

impl Threadpool {
    /// Starts the workers where `placement` says.
    pub(crate) fn new(threads: u32, placement: &Placement) -> Result<Self, Error> {
        check_threads("threads", threads)?;
        if placement.is_default() {
            return Self::start(threads);
        }
        // Workers inherit the place of who starts them: not the caller, whose own would change.
        let start = || {
            placement.apply()?;
            Self::start(threads)
        };
        std::thread::scope(|scope| {
            let starter = std::thread::Builder::new().spawn_scoped(scope, start);
            let starter = starter.map_err(|error| no_thread(threads, error))?;
            starter.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn start(threads: u32) -> Result<Self, Error> {
        check_can_spawn(threads - 1)?;
        let mut raw = std::ptr::null_mut();
        let made = ffi::run("ggml_threadpool_new", |error| {
            // SAFETY: the number is in ggml's range, and the system can start the workers, which ggml asserts.
            unsafe { ffi::chaku_llama_threadpool_new(threads.cast_signed(), POLL, &raw mut raw, error) }
        });
        // Somebody else took the last threads in between. The workers it has are left waiting: nobody can end them.
        made.map_err(|error| match error {
            Error::Asserted { message, .. } => no_thread(threads - 1, message),
            other => other,
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
    let (keep_alive, receiver) = mpsc::channel::<()>();
    let receiver = Arc::new(Mutex::new(receiver));
    let spawn = || {
        let receiver = receiver.clone();
        let wait = move || {
            // Ends with the error of a closed channel, when the sender is dropped.
            let _ = receiver.lock().map(|receiver| receiver.recv());
        };
        std::thread::Builder::new().stack_size(STACK_SIZE).spawn(wait)
    };
    let mut started = Vec::new();
    let refused = (0..count).find_map(|_| spawn().map(|thread| started.push(thread)).err());
    drop(keep_alive);
    // Joined, not only finished: until then the system counts them, and their stacks are not free for the pool.
    started.into_iter().for_each(|thread| drop(thread.join()));
    refused.map_or(Ok(()), |error| Err(no_thread(count, error)))
}

fn no_thread(wanted: u32, why: impl Display) -> Error {
    let message = format!("the system does not start {wanted} more compute threads: {why}; set threads to fewer");
    Error::NoThread { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_numbers_that_ggml_cannot_hold() {
        for threads in [0, MAX_THREADS + 1, u32::MAX] {
            assert!(matches!(Threadpool::new(threads, &Placement::default()), Err(Error::InvalidInput { .. })));
        }
    }
}
