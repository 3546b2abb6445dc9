//! Delivers a request's events to a callback on a thread of its own, so that a slow callback holds up nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Reason, Result};
use crate::event::Event;
use crate::request::Shared;

/// How many threads call a request's event callback: its delivery thread, and those in [`crate::Request::run`].
#[derive(Default)]
pub(crate) struct Callers {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Callers {
    /// Waits until no callback runs or will run; says whether that is so.
    pub(crate) fn wait_none(&self, until: Option<Instant>) -> bool {
        let mut count = self.count.lock();
        while *count > 0 {
            match until {
                None => self.changed.wait(&mut count),
                Some(until) if self.changed.wait_until(&mut count, until).timed_out() => return *count == 0,
                Some(_) => {}
            }
        }
        true
    }
}

/// A thread that calls, until it is dropped.
pub(crate) struct Caller(Arc<Shared>);

impl Caller {
    pub(crate) fn begin(request: Arc<Shared>) -> Self {
        *request.callers.count.lock() += 1;
        Caller(request)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        *self.0.callers.count.lock() -= 1;
        self.0.callers.changed.notify_all();
    }
}

/// Starts the thread. When it cannot be started, `on_event` is dropped and an error returned.
pub(crate) fn start(request: Arc<Shared>, on_event: Box<dyn FnMut(&Event) -> bool + Send>) -> Result<()> {
    // Counted from here on, so that a close right after this call waits for it.
    let caller = Caller::begin(request);
    let run = move || {
        let Caller(request) = &caller;
        // An error is that of a request which was read to its end, and this is its one reader.
        let read = catch_unwind(AssertUnwindSafe(|| request.read_all(on_event)));
        if read.is_err() {
            // Nobody can read on after a callback that panicked.
            request.cancel();
        }
    };
    match std::thread::Builder::new().name("chaku-deliver".into()).spawn(run) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start a delivery thread: {error}"))),
    }
}
