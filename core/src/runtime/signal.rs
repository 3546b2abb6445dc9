//! Wakes the thread that adopted it. The control path: never blocks, never full.

use std::sync::OnceLock;
use std::thread::Thread;
use std::time::Instant;

#[derive(Default)]
pub(crate) struct Signal {
    thread: OnceLock<Thread>,
}

impl Signal {
    /// The current thread is the one to wake. Only the first call counts.
    pub(crate) fn adopt(&self) {
        let _ = self.thread.set(std::thread::current());
    }

    /// Wakes the thread, or lets its next wait return at once.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Waits for a wake-up, at most until `until`. May return early.
    pub(crate) fn wait(&self, until: Option<Instant>) {
        match until {
            None => std::thread::park(),
            Some(until) => std::thread::park_timeout(until.saturating_duration_since(Instant::now())),
        }
    }
}
